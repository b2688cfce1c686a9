import { queryOptions } from "@tanstack/react-query";
import type { ApiKeyPage } from "@/features/api-keys/api/api-key";
import { api, send } from "@/shared/api/client";

/** What ids are called now, for sentences that would otherwise show ids. */
export type Names = ReadonlyMap<string, string>;

const NAMED_MAX = 100;

async function fetchUsedKeys(signal: AbortSignal): Promise<ApiKeyPage> {
  const query = { page_size: NAMED_MAX, sort_field: "last_used_at", sort_order: "DESC" } as const;
  const { data } = await send(api.GET("/v1/api-keys", { params: { query }, signal }));
  return data;
}

function namesOf(page: ApiKeyPage): Names {
  return new Map(page.items.map((key) => [key.client_id, key.name]));
}

/**
 * The names of the hundred keys that were used last; others are shown by their client IDs. What is kept is a page like those
 * of the list, which changes of keys write to.
 */
export const keyNamesQuery = queryOptions({
  queryKey: ["api-keys", "list", "names"],
  queryFn: ({ signal }) => fetchUsedKeys(signal),
  select: namesOf,
  staleTime: 60_000,
});

async function fetchOperatorNames(signal: AbortSignal): Promise<Names> {
  const { data } = await send(api.GET("/v1/operators", { signal }));
  return new Map(data.items.map((operator) => [operator.id, operator.email]));
}

/** The e-mail addresses of the tenancy's operators; only admins may ask. */
export const operatorNamesQuery = queryOptions({
  queryKey: ["operators", "names"],
  queryFn: ({ signal }) => fetchOperatorNames(signal),
  staleTime: 60_000,
});
