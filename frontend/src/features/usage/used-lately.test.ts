import { expect, it } from "vitest";
import { usedLately } from "./used-lately";

it.each([
  [null, false],
  ["2026-11-23T11:59:00Z", true],
  ["2026-11-22T12:00:01Z", true],
  ["2026-11-22T12:00:00Z", false],
])("what was last used at %s was used in the last 24 hours: %s", (lastUsedAt, lately) => {
  expect(usedLately(lastUsedAt, new Date("2026-11-23T12:00:00Z"))).toBe(lately);
});
