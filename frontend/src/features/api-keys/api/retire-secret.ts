import { useQueryClient } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { apiKeyQueryKeys } from "./api-key";

interface Retirement {
  clientId: string;
  secretId: string;
}

async function retireSecret({ clientId, secretId }: Retirement): Promise<void> {
  await send(
    api.DELETE("/v1/api-keys/{client_id}/secrets/{secret_id}", {
      params: { path: { client_id: clientId, secret_id: secretId } },
    }),
  );
}

/** Ends an old secret before its grace period does. */
export function useRetireSecret() {
  const queryClient = useQueryClient();
  return useSingleMutation({
    mutationFn: retireSecret,
    onSettled: (_data, _error, { clientId }) =>
      Promise.all([
        queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.detail(clientId) }),
        queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.lists }),
      ]),
  });
}
