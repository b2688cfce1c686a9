import i18next from "i18next";
import { describe, expect, it } from "vitest";
import { formatRateLimit, isRateLimitValid, rateLimitOf } from "./rate-limit";

describe("a key's rate limit", () => {
  it.each([
    ["", true],
    [1, true],
    [100_000, true],
    [0, false],
    [-5, false],
    [1.5, false],
    [100_001, false],
    ["-", false],
  ])("%j may stand in the field: %s", (value, valid) => {
    expect(isRateLimitValid(value)).toBe(valid);
  });

  it("is the service's default when the field is empty", () => {
    expect(rateLimitOf("")).toBeNull();
    expect(rateLimitOf(120)).toBe(120);
  });

  it("is told in words", () => {
    expect(formatRateLimit(i18next.t, null)).toBe("The service’s default");
    expect(formatRateLimit(i18next.t, 1)).toBe("1 token request per minute");
    expect(formatRateLimit(i18next.t, 1200)).toBe("1,200 token requests per minute");
  });
});
