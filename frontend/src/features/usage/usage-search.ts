import type { SearchSchemaInput } from "@tanstack/react-router";
import { parseRange, type UsageRange } from "./usage-range";

export const unusedChoices = ["30", "90"] as const;
type UnusedDays = (typeof unusedChoices)[number];

/** What the Usage page shows; kept in the page's URL. */
export interface UsageSearch {
  range: UsageRange;
  /** How many days a key must have gone unused to be listed as unused. */
  unused: UnusedDays;
}

export const usageDefaults: UsageSearch = { range: "30d", unused: "30" };

/** Reads the page's state from a URL; invalid values become the defaults. */
export function parseUsageSearch(raw: Partial<UsageSearch> & SearchSchemaInput): UsageSearch {
  return {
    range: parseRange(raw.range, usageDefaults.range),
    unused: unusedChoices.find((days) => days === String(raw.unused)) ?? usageDefaults.unused,
  };
}
