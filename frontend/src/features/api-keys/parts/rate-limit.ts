import type { TFunction } from "i18next";
import type { ApiKey } from "../api/api-key";

/** Token requests per minute, or null for the service's default. */
export type RateLimit = ApiKey["rate_limit"];

export const RATE_LIMIT_MAX = 100_000;

/** Whether the service accepts the field's value: a whole number from 1, or nothing. */
export function isRateLimitValid(value: number | string): boolean {
  if (typeof value === "string") return value === "";
  return Number.isInteger(value) && value >= 1 && value <= RATE_LIMIT_MAX;
}

/** The limit that a valid field stands for. */
export function rateLimitOf(value: number | string): RateLimit {
  return value === "" ? null : Number(value);
}

/** "120 token requests per minute" */
export function formatRateLimit(t: TFunction, limit: RateLimit): string {
  return limit === null ? t("rateLimit.default") : t("rateLimit.perMinute", { count: limit });
}
