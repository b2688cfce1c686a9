import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { apiKeyQueryKeys } from "./api-key";

async function deleteApiKey(clientId: string): Promise<void> {
  await send(api.DELETE("/v1/api-keys/{client_id}", { params: { path: { client_id: clientId } } }));
}

export function useDeleteApiKey() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: deleteApiKey,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.lists }),
  });
}
