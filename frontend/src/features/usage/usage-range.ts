export const usageRanges = ["24h", "7d", "30d", "90d"] as const;
export type UsageRange = (typeof usageRanges)[number];
export type Resolution = "hour" | "day";

export const DEFAULT_RANGE: UsageRange = "7d";

const HOUR_MS = 3_600_000;
const hours: Partial<Record<UsageRange, number>> = { "24h": 24, "7d": 7 * 24 };
const days: Record<UsageRange, number> = { "24h": 1, "7d": 7, "30d": 30, "90d": 90 };

interface UsagePeriod {
  /** The start of the first hour or day; the period ends now. */
  from: Date;
  /** Hours for up to seven days, days for longer ranges. */
  resolution: Resolution;
}

/**
 * The period that a range covers at a given time: whole hours, or whole days of the reader's time zone. The current
 * hour or day is the last.
 */
export function periodOf(range: UsageRange, now: Date): UsagePeriod {
  const count = hours[range];
  if (count !== undefined) {
    // The service counts by UTC hours, even where the local clock is half an hour off.
    const present = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
    return { from: new Date(present - (count - 1) * HOUR_MS), resolution: "hour" };
  }
  const from = new Date(now.getFullYear(), now.getMonth(), now.getDate() - (days[range] - 1));
  return { from, resolution: "day" };
}

export function daysOf(range: UsageRange): number {
  return days[range];
}

export function parseRange(raw: unknown, fallback: UsageRange = DEFAULT_RANGE): UsageRange {
  return usageRanges.find((range) => range === raw) ?? fallback;
}

/** The reader's time zone, which decides when a day begins. */
export function readerTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
