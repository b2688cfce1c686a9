import { describe, expect, it } from "vitest";
import { isValidLifespan, type LifespanUnit } from "./lifespan";

describe("a token lifespan", () => {
  it.each<[unknown, LifespanUnit, boolean]>([
    [1, "hours", true],
    [24, "hours", true],
    [25, "hours", false],
    [0, "hours", false],
    [1, "minutes", true],
    [55, "minutes", true],
    [56, "minutes", false],
    [30, "hours", false],
    [1.5, "hours", false],
    [-1, "minutes", false],
    ["", "hours", false],
    ["5", "minutes", false],
    [Number.NaN, "minutes", false],
  ])("of %s %s is valid: %s", (value, unit, valid) => {
    expect(isValidLifespan(value, unit)).toBe(valid);
  });
});
