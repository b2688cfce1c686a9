import { expect, it } from "vitest";
import { isNameTyped } from "./delete-rule";

it.each([
  ["ERP integration", "ERP  integration ", true],
  ["Integra\u00e7\u00e3o", "Integrac\u0327a\u0303o", true],
  ["erp integration", "ERP integration", false],
  ["", "ERP integration", false],
])("%j typed for the name %j is enough: %s", (typed, name, enough) => {
  expect(isNameTyped(typed, name)).toBe(enough);
});
