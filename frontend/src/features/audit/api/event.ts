import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { staleAfterChanges } from "@/shared/api/query-client";
import { type AuditSearch, eventFilter } from "../audit-search";

export type Event = Schemas["Event"];
export type EventPage = Schemas["EventPage"];
export type EventVerification = Schemas["EventVerification"];

const PAGE_SIZE = 50;

async function fetchEvents(search: AuditSearch, before: number | null, signal: AbortSignal): Promise<EventPage> {
  const query = { ...eventFilter(search, new Date()), limit: PAGE_SIZE, ...(before !== null && { before }) };
  const { data } = await send(api.GET("/v1/events", { params: { query }, signal }));
  return data;
}

/** The matching events, newest first, one page after the other. */
export function eventsQuery(search: AuditSearch) {
  return infiniteQueryOptions({
    queryKey: ["events", search],
    queryFn: ({ pageParam, signal }) => fetchEvents(search, pageParam, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.meta.next_before,
    placeholderData: keepPreviousData,
    // Every change appears in the history of its subject and in the audit log.
    meta: staleAfterChanges,
  });
}
