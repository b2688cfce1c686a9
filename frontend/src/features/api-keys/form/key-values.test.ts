import { describe, expect, it } from "vitest";
import { apiKey } from "@/test/fixtures";
import { changedFields, fieldOf, invalidName, type KeyValues, patchOf, reapply, valuesOf } from "./key-values";

const base: KeyValues = valuesOf(apiKey({ scopes: ["a:admin", "b:admin"] }));

describe("an edit", () => {
  it("sends only what changed", () => {
    expect(patchOf(base, { ...base, name: "  Billing  " })).toEqual({ name: "Billing" });
    expect(patchOf(base, { ...base, lifespanUnit: "minutes" })).toEqual({
      token_lifespan: { value: 1, unit: "minutes" },
    });
    expect(patchOf(base, { ...base, description: "" })).toEqual({ description: "" });
    expect(patchOf(base, { ...base, rateLimit: 120 })).toEqual({ rate_limit: 120 });
    expect(patchOf({ ...base, rateLimit: 120 }, base)).toEqual({ rate_limit: null });
  });

  it("changes nothing when scopes are only in another order", () => {
    expect(patchOf(base, { ...base, scopes: ["b:admin", "a:admin"] })).toBeNull();
  });
});

describe("reapplying changes on top of somebody else's", () => {
  it("takes theirs where the operator changed nothing", () => {
    const theirs = { ...base, description: "theirs", lifespanValue: 8, rateLimit: 60 };
    expect(reapply(base, { ...base, name: "mine" }, theirs)).toEqual({
      ...base,
      name: "mine",
      description: "theirs",
      lifespanValue: 8,
      rateLimit: 60,
    });
  });

  it("keeps the operator's value where both changed the same field", () => {
    const mine = { ...base, name: "mine", lifespanValue: 30, lifespanUnit: "minutes" as const, rateLimit: "" };
    const theirs = { ...base, name: "theirs", lifespanValue: 8 };
    expect(reapply(base, mine, theirs)).toEqual(mine);
  });

  it("merges scopes one by one", () => {
    const mine = { ...base, scopes: ["a:admin", "mine:admin"] };
    const theirs = { ...base, scopes: ["a:admin", "b:admin", "theirs:admin"] };
    expect(reapply(base, mine, theirs).scopes).toEqual(["a:admin", "theirs:admin", "mine:admin"]);
  });

  it("can say which fields differ", () => {
    expect(changedFields(base, { ...base, name: "x", lifespanValue: 2, rateLimit: 5 })).toEqual([
      "name",
      "lifespan",
      "rateLimit",
    ]);
  });
});

describe("the form's fields", () => {
  it.each([
    ["name", "name"],
    ["scopes.0", "scopes"],
    ["token_lifespan.value", "lifespanValue"],
    ["token_lifespan", "lifespanValue"],
    ["rate_limit", "rateLimit"],
    ["client_id", undefined],
    ["scopesomething", undefined],
  ])("%s of the service is %s", (path, field) => {
    expect(fieldOf(path)).toBe(field);
  });

  it("count characters, not UTF-16 units", () => {
    expect(invalidName("🔑".repeat(100))).toBeNull();
    expect(invalidName("🔑".repeat(101))).toBe("long");
    expect(invalidName("   ")).toBe("missing");
  });
});
