import { useQueryClient } from "@tanstack/react-query";
import { apiKeyQueryKeys } from "./api-key";

/**
 * Returns a function that refetches the lists, and the given key, after a change. It is also for changes that failed: after a
 * refusal the screen may have been out of date, and without an answer the change may have been made all the same.
 */
export function useKeyChanged() {
  const queryClient = useQueryClient();
  return (clientId?: string) =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.lists }),
      clientId !== undefined && queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.detail(clientId) }),
    ]);
}
