import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "@/shared/api/api-error";
import { api, send } from "@/shared/api/client";
import { apiKeyQueryKeys } from "./api-key";

async function deleteApiKey(clientId: string): Promise<void> {
  await send(api.DELETE("/v1/api-keys/{client_id}", { params: { path: { client_id: clientId } } }));
}

export function useDeleteApiKey() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: deleteApiKey,
    onSettled: (_data, error, clientId) => {
      if (error === null || (error instanceof ApiError && error.status === 404)) {
        // The page of the key, if it is open, is left as it is; it is asked for anew when somebody comes back to it.
        const queryKey = apiKeyQueryKeys.detail(clientId);
        queryClient.removeQueries({ queryKey, type: "inactive" });
        void queryClient.invalidateQueries({ queryKey, refetchType: "none" });
      }
      return queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.lists });
    },
  });
}
