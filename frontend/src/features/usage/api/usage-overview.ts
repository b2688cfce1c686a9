import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { staleAfterChanges } from "@/shared/api/query-client";
import { daysOf } from "../usage-range";
import type { UsageSearch } from "../usage-search";

export type UsageOverview = Schemas["UsageOverview"];
export type KeyUsageSummary = Schemas["KeyUsageSummary"];
export type ExpiringSecret = Schemas["ExpiringSecret"];

/** The maximum length of each of the service's lists; a full list may not be complete. */
export const OVERVIEW_MAX = 20;

async function fetchOverview(search: UsageSearch, signal: AbortSignal): Promise<UsageOverview> {
  const query = { days: daysOf(search.range), unused_days: Number(search.unused) };
  const { data } = await send(api.GET("/v1/usage/overview", { params: { query }, signal }));
  return data;
}

export function usageOverviewQuery(search: UsageSearch) {
  return queryOptions({
    queryKey: ["usage", "overview", search],
    queryFn: ({ signal }) => fetchOverview(search, signal),
    placeholderData: keepPreviousData,
    // It lists rotations under way and unused keys, which any change may affect.
    meta: staleAfterChanges,
  });
}
