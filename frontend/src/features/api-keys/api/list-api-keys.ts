import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { type ApiKeyPage, apiKeyQueryKeys } from "./api-key";
import { apiKeysParameters, type ListQuery } from "./list-path";

async function fetchApiKeys(search: ListQuery, signal: AbortSignal): Promise<ApiKeyPage> {
  const { data } = await send(api.GET("/v1/api-keys", { params: { query: apiKeysParameters(search) }, signal }));
  return data;
}

export function apiKeysQuery(search: ListQuery) {
  return queryOptions({
    queryKey: [...apiKeyQueryKeys.lists, search],
    queryFn: ({ signal }) => fetchApiKeys(search, signal),
    placeholderData: keepPreviousData,
  });
}

/** One page of keys. While the next page loads, the current one stays (`isPlaceholderData`). */
export function useApiKeys(search: ListQuery) {
  return useQuery(apiKeysQuery(search));
}
