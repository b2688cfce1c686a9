import { expect, it } from "vitest";
import { isNameTyped, needsTypedName } from "./delete-rule";

const now = new Date("2026-11-23T12:00:00Z");

it.each([
  [null, false],
  ["2026-11-23T11:59:00Z", true],
  ["2026-11-22T12:00:01Z", true],
  ["2026-11-22T12:00:00Z", false],
])("a key last used at %s wants its name typed: %s", (lastUsedAt, wanted) => {
  expect(needsTypedName(lastUsedAt, now)).toBe(wanted);
});

it.each([
  ["ERP integration", "ERP  integration ", true],
  ["Integra\u00e7\u00e3o", "Integrac\u0327a\u0303o", true],
  ["erp integration", "ERP integration", false],
  ["", "ERP integration", false],
])("%j typed for the name %j is enough: %s", (typed, name, enough) => {
  expect(isNameTyped(typed, name)).toBe(enough);
});
