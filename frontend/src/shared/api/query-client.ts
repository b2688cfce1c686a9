import { MutationCache, QueryClient } from "@tanstack/react-query";
import { isTransient } from "./client";

export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    mutationCache: new MutationCache({
      onSettled: () => {
        // Whatever is changed is in the history of its subject, and in the audit log.
        void client.invalidateQueries({ queryKey: ["events"] });
        // Rotations that are under way, and keys that nobody uses, are among what is told about the use of keys.
        void client.invalidateQueries({ queryKey: ["usage", "overview"] });
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        refetchOnWindowFocus: true,
        retry: (failures, error) => failures < 2 && isTransient(error),
        retryDelay: (attempt) => Math.min(400 * 2 ** attempt, 3_000),
        // "offlineFirst" would pause calls on what the browser believes about the network; the service may be local.
        networkMode: "always",
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
  return client;
}
