import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { type IssuedSecret, ifMatch } from "./api-key";
import { useKeyChanged } from "./key-changed";

interface Rotation {
  clientId: string;
  /** The version that the operator has seen; the service answers 412 when the key has changed since. */
  etag: string | null;
  /** With 0, the old secret and the tokens issued so far end at once. */
  gracePeriodSeconds: number;
}

async function rotateSecret({ clientId, etag, gracePeriodSeconds }: Rotation): Promise<IssuedSecret> {
  const { data } = await send(
    api.POST("/v1/api-keys/{client_id}/rotate-secret", {
      params: { path: { client_id: clientId }, header: ifMatch(etag) },
      body: { grace_period_seconds: gracePeriodSeconds },
    }),
  );
  return { clientId: data.client_id, clientSecret: data.client_secret, name: data.name };
}

export function useRotateSecret() {
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: rotateSecret,
    // The result holds the secret: nothing may keep it once the component has taken it over.
    gcTime: 0,
    // Not awaited: the secret is shown without waiting for the refetch.
    onSettled: (_issued, _error, { clientId }) => void keyChanged(clientId),
  });
}
