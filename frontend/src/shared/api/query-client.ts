import { MutationCache, QueryClient } from "@tanstack/react-query";
import { isTransient } from "./client";

/** The `meta` of a query that any change makes stale, whatever was changed. */
export const staleAfterChanges = { staleAfterChanges: true };

/** The `meta` of a mutation that runs on request but changes nothing. */
export const onlyReads = { onlyReads: true };

export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    mutationCache: new MutationCache({
      onSettled: (_data, _error, _variables, _result, mutation) => {
        if (mutation.meta !== onlyReads) {
          void client.invalidateQueries({ predicate: ({ meta }) => meta === staleAfterChanges });
        }
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        refetchOnWindowFocus: true,
        retry: (failures, error) => failures < 2 && isTransient(error),
        retryDelay: (attempt) => Math.min(400 * 2 ** attempt, 3_000),
        // "offlineFirst" would pause calls when the browser believes that it is offline, but the service may be local.
        networkMode: "always",
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
  return client;
}
