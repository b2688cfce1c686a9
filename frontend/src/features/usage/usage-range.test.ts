import { afterEach, describe, expect, it, vi } from "vitest";
import { parseRange, periodOf } from "./usage-range";

afterEach(() => vi.unstubAllEnvs());

const now = new Date("2026-11-23T12:34:56Z");

describe("a period", () => {
  it.each([
    ["24h", "2026-11-22T13:00:00.000Z"],
    ["7d", "2026-11-16T13:00:00.000Z"],
  ] as const)("of %s is made of whole hours, the current one included", (range, from) => {
    expect(periodOf(range, now)).toEqual({ from: new Date(from), resolution: "hour" });
  });

  it.each([
    ["30d", 29],
    ["90d", 89],
  ] as const)("of %s is made of whole days of the reader's zone", (range, before) => {
    vi.stubEnv("TZ", "America/Sao_Paulo");
    const { from, resolution } = periodOf(range, now);
    expect(resolution).toBe("day");
    expect(from).toEqual(new Date(2026, 10, 23 - before));
    expect(from.getHours()).toBe(0);
  });
});

it("a range that isn't one becomes that of a week", () => {
  expect(parseRange("1y")).toBe("7d");
});
