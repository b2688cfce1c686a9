import { useQueryClient } from "@tanstack/react-query";
import { apiKeyQueryKeys } from "./api-key";

/**
 * Has the lists, and the key if it is named, read anew after a change, also one that was refused, as the screen may have been
 * behind, or that got no answer, as it may have been made.
 */
export function useKeyChanged() {
  const queryClient = useQueryClient();
  return (clientId?: string) =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.lists }),
      clientId !== undefined && queryClient.invalidateQueries({ queryKey: apiKeyQueryKeys.detail(clientId) }),
    ]);
}
