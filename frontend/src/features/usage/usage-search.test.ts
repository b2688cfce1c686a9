import { expect, it } from "vitest";
import { parseUsageSearch, usageDefaults } from "./usage-search";

it.each([undefined, "1y"])("the range %j in the URL becomes the page's own", (range) => {
  expect(parseUsageSearch({ range } as Parameters<typeof parseUsageSearch>[0])).toEqual(usageDefaults);
});
