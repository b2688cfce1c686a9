import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { useKeyChanged } from "./key-changed";

async function revokeTokens(clientId: string): Promise<void> {
  await send(api.POST("/v1/api-keys/{client_id}/revoke-tokens", { params: { path: { client_id: clientId } } }));
}

/** Revokes every token issued so far; the key and its secrets keep working. */
export function useRevokeTokens() {
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: revokeTokens,
    onSettled: (_data, _error, clientId) => keyChanged(clientId),
  });
}
