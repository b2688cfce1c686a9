import { QueryClient } from "@tanstack/react-query";
import { isTransient } from "./client";

export function createQueryClient(): QueryClient {
  return new QueryClient({
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
}
