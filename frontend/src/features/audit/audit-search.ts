import type { SearchSchemaInput } from "@tanstack/react-router";

export const auditPeriods = ["any", "24h", "7d", "30d", "custom"] as const;
type AuditPeriod = (typeof auditPeriods)[number];

/** The filters of the audit log; they live in the page's URL. Empty texts filter nothing. */
export interface AuditSearch {
  /** Id or name of who did it. */
  actor: string;
  /** The client ID of the key that changed. */
  key: string;
  action: string;
  period: AuditPeriod;
  /** The first and the last day of a custom period, as 2026-11-23 in the reader's time zone. */
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
  // No event is as far off, and Date takes the years before 100 for those of the 20th century.
  if (Number(year) < YEAR_MIN || Number(year) > YEAR_MAX) return null;
  // The 31st of a short month would silently be a day of the next one.
  return start.getDate() === Number(date) && start.getMonth() === Number(month) - 1 ? start : null;
}

/** Whether a text is a day that can be filtered by. */
export function isDay(day: string): boolean {
  return dayStart(day) !== null;
}

/** Reads the filters from a URL; what is invalid becomes the default. Days without a period make a custom one. */
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

/** The filters under the service's own names. */
interface EventFilter {
  actor?: string;
  client_id?: string;
  action?: string[];
  from?: string;
  to?: string;
}

const DAY_MS = 86_400_000;
const spans: Partial<Record<AuditPeriod, number>> = { "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS };

/** What the service is asked for. A custom period reaches from the first day's beginning to the last day's end. */
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

/** The address under which the service exports what matches. */
export function exportUrl(search: AuditSearch, format: ExportFormat, now: Date): string {
  const { action, ...filter } = eventFilter(search, now);
  const params = new URLSearchParams({ format, ...filter });
  for (const each of action ?? []) params.append("action", each);
  return `/v1/events/export?${params}`;
}
