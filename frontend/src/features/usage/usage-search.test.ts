import { expect, it } from "vitest";
import { parseUsageSearch, usageDefaults } from "./usage-search";

it.each([
  [{}, usageDefaults],
  [
    { range: "90d", unused: "90" },
    { range: "90d", unused: "90" },
  ],
  [{ range: "1y", unused: "31" }, usageDefaults],
])("the state of the Usage page is read from the URL, and is the default where it is invalid: %o", (raw, search) => {
  expect(parseUsageSearch(raw as Parameters<typeof parseUsageSearch>[0])).toEqual(search);
});
