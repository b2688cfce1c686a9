import type { SearchSchemaInput } from "@tanstack/react-router";
import { DEFAULT_RANGE, parseRange, type UsageRange } from "@/features/usage/usage-range";

export const keyTabs = ["overview", "usage", "denials", "history"] as const;
type KeyTab = (typeof keyTabs)[number];

/** Which part of a key's page is shown, and how much of its usage; it lives in the page's URL. */
export interface KeyPageSearch {
  tab: KeyTab;
  range: UsageRange;
}

export const keyPageDefaults: KeyPageSearch = { tab: "overview", range: DEFAULT_RANGE };

/** Reads the page's state from a URL; what is invalid becomes the default. */
export function parseKeyPageSearch(raw: Partial<KeyPageSearch> & SearchSchemaInput): KeyPageSearch {
  return { tab: keyTabs.find((tab) => tab === raw.tab) ?? keyPageDefaults.tab, range: parseRange(raw.range) };
}
