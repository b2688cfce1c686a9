import { describe, expect, it } from "vitest";
import { changesOf, compareLists } from "./diff";

describe("what changed", () => {
  it("is listed member by member, in the order in which people look for it", () => {
    const changes = changesOf({
      before: { generation: 1, scopes: ["a"], name: "Old" },
      after: { generation: 2, scopes: ["b"], name: "New", zeal: true },
    });
    expect(changes.map((change) => change.member)).toEqual(["name", "scopes", "generation", "zeal"]);
    expect(changes[0]).toEqual({ member: "name", before: "Old", after: "New" });
  });

  it("has one side where something was created or removed", () => {
    expect(changesOf({ before: null, after: { name: "New" } })).toEqual([
      { member: "name", before: undefined, after: "New" },
    ]);
    expect(changesOf({ before: { name: "Old" }, after: null })).toEqual([
      { member: "name", before: "Old", after: undefined },
    ]);
    expect(changesOf({ before: null, after: null })).toEqual([]);
  });
});

describe("two lists", () => {
  it("are compared entry by entry", () => {
    expect(compareLists(["a", "b"], ["b", "c"])).toEqual([
      { text: "a", state: "removed" },
      { text: "b", state: "same" },
      { text: "c", state: "added" },
    ]);
  });
});
