import type { TFunction } from "i18next";
import type { Lifespan } from "../api/api-key";

export type LifespanUnit = Lifespan["unit"];

export const lifespanUnits: readonly LifespanUnit[] = ["hours", "minutes"];

/** The longest lifespan in each unit; the shortest is 1. */
export const lifespanMax: Record<LifespanUnit, number> = { hours: 24, minutes: 55 };

export const defaultLifespan: Lifespan = { value: 1, unit: "hours" };

/**
 * Whether the service accepts the value: whole numbers, from 1 to 24 hours or 1 to 55 minutes. Anything that
 * isn't a number is rejected.
 */
export function isValidLifespan(value: unknown, unit: LifespanUnit): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= lifespanMax[unit];
}

/** "1 hour", "30 minutes" */
export function formatLifespan(t: TFunction, { value, unit }: Lifespan): string {
  return t(unit === "hours" ? "lifespan.hours" : "lifespan.minutes", { count: value });
}
