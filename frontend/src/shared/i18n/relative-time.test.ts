import { expect, it } from "vitest";
import { relativeTime } from "./relative-time";

const now = new Date("2026-11-23T12:00:00Z");
const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000);

it.each([
  [0, null],
  [44, null],
  [45, { value: -1, unit: "minute" }],
  [119, { value: -1, unit: "minute" }],
  [120, { value: -2, unit: "minute" }],
  [3600, { value: -1, unit: "hour" }],
  [86_399, { value: -23, unit: "hour" }],
  [86_400, { value: -1, unit: "day" }],
  [40 * 86_400, { value: -1, unit: "month" }],
  [800 * 86_400, { value: -2, unit: "year" }],
  [-7200, { value: 2, unit: "hour" }],
])("%i seconds ago", (seconds, expected) => {
  expect(relativeTime(secondsAgo(seconds), now)).toEqual(expected);
});
