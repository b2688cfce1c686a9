import { useQueryClient } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { apiKeyQueryKeys } from "./api-key";

async function deleteApiKey(clientId: string): Promise<void> {
  await send(api.DELETE("/v1/api-keys/{client_id}", { params: { path: { client_id: clientId } } }));
}

export function useDeleteApiKey() {
  const queryClient = useQueryClient();
  return useSingleMutation({
    mutationFn: deleteApiKey,
    onSuccess: (_data, clientId) => {
      // An open screen still observes this query, so it can't be removed; invalidating it would refetch a
      // key known to be gone.
      queryClient
        .getQueryCache()
        .find({ queryKey: apiKeyQueryKeys.detail(clientId) })
        ?.reset();
    },
    onError: (_error, clientId) => void queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.detail(clientId) }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.lists }),
  });
}
