import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { UsagePoint } from "../api/key-usage";
import { gridValues, labelledPositions, resolutionOf, timeLabels, totalsOf } from "./series";

beforeEach(() => vi.stubEnv("TZ", "America/Sao_Paulo"));
afterEach(() => vi.unstubAllEnvs());

const HOUR_MS = 3_600_000;

/** Points that start at noon in São Paulo. */
function points(count: number, stepHours = 1): UsagePoint[] {
  const start = Date.parse("2026-11-16T15:00:00Z");
  return Array.from({ length: count }, (_, index) => ({
    start: new Date(start + index * stepHours * HOUR_MS).toISOString(),
    issued: index,
    denied: 1,
  }));
}

describe("a series", () => {
  it("is summed up", () => {
    expect(totalsOf(points(3))).toEqual({ issued: 3, denied: 3 });
    expect(totalsOf([])).toEqual({ issued: 0, denied: 0 });
  });

  it("knows its steps", () => {
    expect(resolutionOf(points(3))).toBe("hour");
    expect(resolutionOf(points(3, 24))).toBe("day");
    // The day on which clocks go forward is shorter.
    expect(resolutionOf(points(3, 23))).toBe("day");
    expect(resolutionOf([])).toBe("hour");
  });
});

describe("the grid", () => {
  it.each([
    [0, [0, 1, 2]],
    [1, [0, 1, 2]],
    [4, [0, 1, 2, 3, 4]],
    [30, [0, 10, 20, 30]],
    [303, [0, 100, 200, 300, 400]],
    [9_999, [0, 5_000, 10_000]],
  ])("up to %i has round values", (max, values) => {
    expect(gridValues(max)).toEqual(values);
  });
});

describe("the time axis", () => {
  it("labels round hours of the reader's clock", () => {
    const day = points(24);
    const labels = timeLabels("pt-BR", "hour", day.length);
    const shown = labelledPositions(day, "hour", 8).map((index) => labels.axis(day[index] as UsagePoint));
    expect(shown).toEqual(["12:00", "15:00", "18:00", "21:00", "0:00", "3:00", "6:00", "9:00"]);
  });

  it("labels the beginnings of days in a week of hours", () => {
    const week = points(168);
    const labels = timeLabels("en", "hour", week.length);
    const shown = labelledPositions(week, "hour", 4).map((index) => labels.axis(week[index] as UsagePoint));
    expect(shown).toEqual(["Nov 17", "Nov 19", "Nov 21", "Nov 23"]);
  });

  it("counts days back from the last one, and never labels more than fit", () => {
    const month = points(30, 24);
    const shown = labelledPositions(month, "day", 5);
    expect(shown).toHaveLength(5);
    expect(shown.at(-1)).toBe(29);
  });

  it("names points in full, in the reader's language and zone", () => {
    const [first] = points(1) as [UsagePoint];
    expect(timeLabels("en", "hour", 1).full(first).replace(/\s/g, " ")).toMatch(/^Mon, Nov 16, 12:00 – 1:00 PM$/);
    expect(timeLabels("en", "day", 1).full(first)).toBe("Mon, Nov 16");
    expect(timeLabels("pt-BR", "day", 1).full(first)).toBe("seg., 16 nov.");
  });
});
