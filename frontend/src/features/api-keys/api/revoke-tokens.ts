import { useQueryClient } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { apiKeyQueryKeys } from "./api-key";

async function revokeTokens(clientId: string): Promise<void> {
  await send(api.POST("/v1/api-keys/{client_id}/revoke-tokens", { params: { path: { client_id: clientId } } }));
}

/** Ends every token issued so far; the key and its secrets live on. */
export function useRevokeTokens() {
  const queryClient = useQueryClient();
  return useSingleMutation({
    mutationFn: revokeTokens,
    onSuccess: (_data, clientId) => queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.detail(clientId) }),
  });
}
