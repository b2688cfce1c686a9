import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { madeOldByChanges } from "@/shared/api/query-client";
import { daysOf } from "../usage-range";
import type { UsageSearch } from "../usage-search";

export type UsageOverview = Schemas["UsageOverview"];
export type KeyUsageSummary = Schemas["KeyUsageSummary"];
export type ExpiringSecret = Schemas["ExpiringSecret"];

/** How many of each the service lists; there may be more where it lists that many. */
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
    // It tells of rotations that are under way, and of keys that nobody uses.
    meta: madeOldByChanges,
  });
}
