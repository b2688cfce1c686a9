import type { SearchSchemaInput } from "@tanstack/react-router";
import { DEFAULT_RANGE, parseRange, type UsageRange } from "@/features/usage/usage-range";

export const keyTabs = ["overview", "usage", "denials", "history"] as const;
type KeyTab = (typeof keyTabs)[number];

/** Which part of a key's page is shown, and the range of its usage; kept in the page's URL. */
export interface KeyPageSearch {
  tab: KeyTab;
  range: UsageRange;
}

export const keyPageDefaults: KeyPageSearch = { tab: "overview", range: DEFAULT_RANGE };

/** Reads the page's state from a URL; invalid values become the defaults. */
export function parseKeyPageSearch(raw: Partial<KeyPageSearch> & SearchSchemaInput): KeyPageSearch {
  return { tab: keyTabs.find((tab) => tab === raw.tab) ?? keyPageDefaults.tab, range: parseRange(raw.range) };
}
