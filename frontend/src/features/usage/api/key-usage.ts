import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { periodOf, readerTimeZone, type UsageRange } from "../usage-range";

export type ApiKeyUsage = Schemas["ApiKeyUsage"];
export type UsagePoint = Schemas["UsagePoint"];
export type Denial = Schemas["Denial"];

async function fetchKeyUsage(clientId: string, range: UsageRange, signal: AbortSignal): Promise<ApiKeyUsage> {
  const { from, resolution } = periodOf(range, new Date());
  const query = { from: from.toISOString(), resolution, time_zone: readerTimeZone() };
  const { data } = await send(
    api.GET("/v1/api-keys/{client_id}/usage", { params: { path: { client_id: clientId }, query }, signal }),
  );
  return data;
}

/** Tokens issued and denied to a key over time, and what each of its secrets did in the last 24 hours. */
export function keyUsageQuery(clientId: string, range: UsageRange) {
  return queryOptions({
    queryKey: ["usage", "key", clientId, range],
    queryFn: ({ signal }) => fetchKeyUsage(clientId, range, signal),
    placeholderData: keepPreviousData,
  });
}

async function fetchDenials(clientId: string, signal: AbortSignal): Promise<Denial[]> {
  const { data } = await send(
    api.GET("/v1/api-keys/{client_id}/denials", { params: { path: { client_id: clientId } }, signal }),
  );
  return data.items;
}

/** The latest refused exchanges of a key, newest first. */
export function denialsQuery(clientId: string) {
  return queryOptions({
    queryKey: ["usage", "denials", clientId],
    queryFn: ({ signal }) => fetchDenials(clientId, signal),
  });
}
