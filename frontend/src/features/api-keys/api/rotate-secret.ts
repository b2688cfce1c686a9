import { useQueryClient } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { apiKeyQueryKeys, type IssuedSecret } from "./api-key";

interface Rotation {
  clientId: string;
  /** 0 ends the old secret, and the tokens issued so far, at once. */
  gracePeriodSeconds: number;
}

async function rotateSecret({ clientId, gracePeriodSeconds }: Rotation): Promise<IssuedSecret> {
  const { data } = await send(
    api.POST("/v1/api-keys/{client_id}/rotate-secret", {
      params: { path: { client_id: clientId } },
      body: { grace_period_seconds: gracePeriodSeconds },
    }),
  );
  return { clientId: data.client_id, clientSecret: data.client_secret, name: data.name };
}

export function useRotateSecret() {
  const queryClient = useQueryClient();
  return useSingleMutation({
    mutationFn: rotateSecret,
    // The result holds the secret: nothing may keep it once the component has taken it over.
    gcTime: 0,
    onSuccess: (_issued, { clientId }) => {
      void queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.lists });
      void queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.detail(clientId) });
    },
  });
}
