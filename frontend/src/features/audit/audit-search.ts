import type { SearchSchemaInput } from "@tanstack/react-router";

export const auditPeriods = ["any", "24h", "7d", "30d", "custom"] as const;
type AuditPeriod = (typeof auditPeriods)[number];

/** The filters of the audit log, kept in the page's URL. An empty string filters nothing. */
export interface AuditSearch {
  /** The id or the name of the actor. */
  actor: string;
  /** The client ID of the key that changed. */
  key: string;
  action: string;
  period: AuditPeriod;
  /** The first and the last day of a custom period, such as 2026-11-23, in the reader's time zone. */
  from: string;
  to: string;
}

export const auditDefaults: AuditSearch = { actor: "", key: "", action: "", period: "any", from: "", to: "" };

const ACTOR_MAX = 254;
const TEXT_MAX = 64;
const YEAR_MIN = 1970;
const YEAR_MAX = 9998;

function text(raw: unknown, max: number): string {
  return typeof raw === "string" ? raw.trim().slice(0, max) : "";
}

function dayStart(day: string): Date | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? [];
  if (!year || !month || !date) return null;
  const start = new Date(Number(year), Number(month) - 1, Number(date));
  // No event is that far off, and Date maps the years 0 to 99 to the 20th century.
  if (Number(year) < YEAR_MIN || Number(year) > YEAR_MAX) return null;
  // Date would silently turn the 31st of a short month into a day of the next month.
  return start.getDate() === Number(date) && start.getMonth() === Number(month) - 1 ? start : null;
}

/** Whether a text is a day that can be used as a filter. */
export function isDay(day: string): boolean {
  return dayStart(day) !== null;
}

/** Reads the filters from a URL; invalid values become the defaults. A day makes the period custom. */
export function parseAuditSearch(raw: Partial<AuditSearch> & SearchSchemaInput): AuditSearch {
  const from = isDay(text(raw.from, 10)) ? text(raw.from, 10) : "";
  const last = isDay(text(raw.to, 10)) ? text(raw.to, 10) : "";
  const to = last >= from ? last : "";
  const named = auditPeriods.find((period) => period === raw.period) ?? "any";
  const period = from !== "" || to !== "" ? "custom" : named;
  return {
    actor: text(raw.actor, ACTOR_MAX),
    key: text(raw.key, TEXT_MAX),
    action: text(raw.action, TEXT_MAX),
    period,
    from,
    to,
  };
}

export function isFiltered(search: AuditSearch): boolean {
  const { period, from, to, ...texts } = search;
  return Object.values(texts).some((value) => value !== "") || periodHasBounds({ period, from, to });
}

function periodHasBounds({ period, from, to }: Pick<AuditSearch, "period" | "from" | "to">): boolean {
  return period === "custom" ? from !== "" || to !== "" : period !== "any";
}

/** The filters under the service's own parameter names. */
interface EventFilter {
  actor?: string;
  client_id?: string;
  action?: string[];
  from?: string;
  to?: string;
}

const DAY_MS = 86_400_000;
const spans: Partial<Record<AuditPeriod, number>> = { "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS };

/** The filters to send to the service. A custom period runs from the start of its first day to the end of its last. */
export function eventFilter(search: AuditSearch, now: Date): EventFilter {
  const span = spans[search.period];
  const first = dayStart(search.from);
  const last = dayStart(search.to);
  const end = last && new Date(last.getFullYear(), last.getMonth(), last.getDate() + 1);
  return {
    ...(search.actor !== "" && { actor: search.actor }),
    ...(search.key !== "" && { client_id: search.key }),
    ...(search.action !== "" && { action: [search.action] }),
    ...(span !== undefined && { from: new Date(now.getTime() - span).toISOString() }),
    ...(search.period === "custom" && first && { from: first.toISOString() }),
    ...(search.period === "custom" && end && { to: end.toISOString() }),
  };
}

export const exportFormats = ["csv", "jsonl"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** The URL under which the service exports the matching events. */
export function exportUrl(search: AuditSearch, format: ExportFormat, now: Date): string {
  const { action, ...filter } = eventFilter(search, now);
  const params = new URLSearchParams({ format, ...filter });
  for (const each of action ?? []) params.append("action", each);
  return `/v1/events/export?${params}`;
}
