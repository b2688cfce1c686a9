import { terse } from "@/shared/i18n/terse";
import type { UsagePoint } from "../api/key-usage";
import type { Resolution } from "../usage-range";

export interface Totals {
  issued: number;
  denied: number;
}

export function totalsOf(points: readonly UsagePoint[]): Totals {
  return points.reduce((sum, point) => ({ issued: sum.issued + point.issued, denied: sum.denied + point.denied }), {
    issued: 0,
    denied: 0,
  });
}

const HOUR_MS = 3_600_000;

/**
 * Whether points are hours or days. This is read off the points, because those of the previous range
 * stay until the next arrive.
 */
export function resolutionOf(points: readonly UsagePoint[]): Resolution {
  const [first, second] = points;
  if (!first || !second) return "hour";
  return new Date(second.start).getTime() - new Date(first.start).getTime() > HOUR_MS ? "day" : "hour";
}

/** The values of the grid lines, from 0 up to at least `max`: whole, round numbers, three to six of them. */
export function gridValues(max: number): number[] {
  const rough = Math.max(1, max) / 4;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * magnitude >= rough) ?? 10;
  const step = Math.max(1, factor * magnitude);
  const lines = Math.max(2, Math.ceil(Math.max(1, max) / step));
  return Array.from({ length: lines + 1 }, (_, index) => index * step);
}

/**
 * The positions to label on the time axis, at most `room` of them. Hours that span more than two days are labelled at the
 * start of each day, others at round hours of the reader's clock; days are counted back from the last one.
 */
export function labelledPositions(points: readonly UsagePoint[], resolution: Resolution, room: number): number[] {
  const all = points.map((_, index) => index);
  if (resolution === "day") {
    const step = Math.max(1, Math.ceil(points.length / Math.max(1, room)));
    return all.filter((index) => (points.length - 1 - index) % step === 0);
  }
  const hourOf = (index: number) => new Date(points[index]?.start ?? 0).getHours();
  if (points.length > 48) {
    const midnights = all.filter((index) => hourOf(index) === 0);
    const step = Math.max(1, Math.ceil(midnights.length / Math.max(1, room)));
    return midnights.filter((_, index) => (midnights.length - 1 - index) % step === 0);
  }
  const step = [1, 2, 3, 4, 6, 12].find((hours) => points.length / hours <= room) ?? 24;
  return all.filter((index) => hourOf(index) % step === 0);
}

export interface TimeLabels {
  /** Describes a point in full: "Mon, Nov 23, 2:00 – 3:00 PM". */
  full: (point: UsagePoint) => string;
  /** A short form for the axis. */
  axis: (point: UsagePoint) => string;
}

/** How to label points, in a language and in the reader's time zone. */
export function timeLabels(language: string, resolution: Resolution, count: number): TimeLabels {
  const day = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short" });
  const shortDay = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const hour = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
  const span = new Intl.DateTimeFormat(language, {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "numeric",
    minute: "2-digit",
  });
  return {
    full: (point) => {
      const start = new Date(point.start);
      return resolution === "day" ? terse(day, start) : span.formatRange(start, new Date(start.getTime() + HOUR_MS));
    },
    axis: (point) => {
      const start = new Date(point.start);
      return resolution === "hour" && count <= 48 ? hour.format(start) : terse(shortDay, start);
    },
  };
}
