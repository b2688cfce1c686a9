const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

export interface RelativeTime {
  /** Negative for the past, as Intl.RelativeTimeFormat expects. */
  value: number;
  unit: "minute" | "hour" | "day" | "month" | "year";
}

/** How far `at` is from `now`, in the largest unit that fits, but at least a minute; null within 45 seconds ("just now"). */
export function relativeTime(at: Date, now: Date): RelativeTime | null {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 45) return null;
  const in_ = (size: number) => Math.sign(seconds) * Math.max(1, Math.floor(distance / size));
  if (distance < HOUR) return { value: in_(MINUTE), unit: "minute" };
  if (distance < DAY) return { value: in_(HOUR), unit: "hour" };
  if (distance < MONTH) return { value: in_(DAY), unit: "day" };
  if (distance < YEAR) return { value: in_(MONTH), unit: "month" };
  return { value: in_(YEAR), unit: "year" };
}
