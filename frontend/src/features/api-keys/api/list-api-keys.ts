import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import type { ListSearch } from "../list/list-search";
import { type ApiKeyPage, apiKeyQueryKeys } from "./api-key";
import { apiKeysParameters } from "./list-path";

async function fetchApiKeys(search: ListSearch, signal: AbortSignal): Promise<ApiKeyPage> {
  const { data } = await send(api.GET("/v1/api-keys", { params: { query: apiKeysParameters(search) }, signal }));
  return data;
}

export function apiKeysQuery(search: ListSearch) {
  return queryOptions({
    queryKey: [...apiKeyQueryKeys.lists, search],
    queryFn: ({ signal }) => fetchApiKeys(search, signal),
    placeholderData: keepPreviousData,
  });
}

/** One page of keys. While the next page loads, the current one stays (`isPlaceholderData`). */
export function useApiKeys(search: ListSearch) {
  return useQuery(apiKeysQuery(search));
}
