import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { periodOf } from "../usage-range";
import type { UsagePoint } from "./key-usage";

type Series = Schemas["UsageSeries"];

/** The usage of each key over the last 24 hours, by client id. */
export type UsageByKey = ReadonlyMap<string, UsagePoint[]>;

async function fetchUsage(clientIds: string[], signal: AbortSignal): Promise<Series[]> {
  const { from, resolution } = periodOf("24h", new Date());
  const query = { client_id: clientIds, from: from.toISOString(), resolution };
  const { data } = await send(api.GET("/v1/usage", { params: { query }, signal }));
  return data.items;
}

/** Outside of the fetch: the cache keeps the points that have not changed, so that only the rows with others render again. */
function byKey(items: Series[]): UsageByKey {
  return new Map(items.map((series) => [series.client_id, series.points]));
}

/** The usage of a page of keys over the last 24 hours, in one request. */
export function listUsageQuery(clientIds: string[]) {
  return queryOptions({
    queryKey: ["usage", "list", clientIds],
    queryFn: ({ signal }) => fetchUsage(clientIds, signal),
    select: byKey,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}
