import { describe, expect, it } from "vitest";
import { catalogue } from "@/test/fixtures";
import {
  groupState,
  isGroupChoice,
  type PickerGroup,
  pickerGroups,
  redundantScopes,
  searchGroups,
  toggleGroup,
  toggleScope,
  unlistedScopes,
} from "./scope-selection";

const groups = pickerGroups(catalogue);

function group(product: string): PickerGroup {
  const found = groups.find((each) => each.product === product);
  if (!found) throw new Error(`no group ${product}`);
  return found;
}

describe("the scope picker's groups", () => {
  it("start with the whole product, followed by its features", () => {
    expect(group("lighthouse").rows.map((row) => row.id)).toEqual([
      "lighthouse",
      "lighthouse.workspaces",
      "lighthouse.forecast",
    ]);
    expect(group("cca").rows).toHaveLength(1);
  });

  it("are searched by label without regard to case and accents, in the language shown", () => {
    expect(searchGroups(groups, "PREVISAO", "pt-BR").flatMap((each) => each.rows.map((row) => row.id))).toEqual([
      "lighthouse.forecast",
    ]);
    expect(searchGroups(groups, "previsao", "en")).toEqual([]);
  });

  it("are searched by scope, and kept whole when the product matches", () => {
    expect(searchGroups(groups, "workspaces:editor", "en")[0]?.rows).toHaveLength(1);
    expect(searchGroups(groups, "light", "en")[0]?.rows).toHaveLength(3);
    expect(searchGroups(groups, "  ", "en")).toBe(groups);
  });
});

describe("choosing by group", () => {
  it("is offered only where it stands for several scopes", () => {
    expect(isGroupChoice(group("lighthouse"), "editor")).toBe(true);
    expect(isGroupChoice(group("lighthouse"), "admin")).toBe(false);
    expect(isGroupChoice(group("cca"), "readonly")).toBe(false);
  });

  it("is offered only where all of the product is in sight", () => {
    const offered = (search: string) =>
      searchGroups(groups, search, "en").map((each) => [each.rows.length, isGroupChoice(each, "editor")]);
    expect(offered(":editor")).toEqual([[2, false]]);
    expect(offered("lighthouse")).toEqual([[3, true]]);
  });

  it("adds what is missing, then takes all away, and leaves other scopes alone", () => {
    const some = ["cca:admin", "lighthouse.workspaces:editor"];
    expect(groupState(group("lighthouse"), "editor", new Set(some))).toBe("some");
    const all = toggleGroup(group("lighthouse"), "editor", some);
    expect(all).toEqual(["cca:admin", "lighthouse.workspaces:editor", "lighthouse.forecast:editor"]);
    expect(groupState(group("lighthouse"), "editor", new Set(all))).toBe("all");
    expect(toggleGroup(group("lighthouse"), "editor", all)).toEqual(["cca:admin"]);
  });
});

describe("a selection", () => {
  it("toggles one scope", () => {
    expect(toggleScope("cca:admin", [])).toEqual(["cca:admin"]);
    expect(toggleScope("cca:admin", ["cca:admin", "cca:readonly"])).toEqual(["cca:readonly"]);
  });

  it("names scopes that a wider one covers", () => {
    expect(redundantScopes(["lighthouse:admin", "lighthouse.forecast:editor", "cca:readonly"])).toEqual([
      "lighthouse.forecast:editor",
    ]);
    expect(redundantScopes(["cca:admin", "cca:readonly"])).toEqual(["cca:readonly"]);
  });

  it("finds nothing redundant in what only looks alike", () => {
    expect(redundantScopes(["lighthouse.workspaces:editor", "lighthouse:admin"])).toEqual([
      "lighthouse.workspaces:editor",
    ]);
    expect(redundantScopes(["lighthouse.workspaces:editor", "lighthouse.forecast:readonly"])).toEqual([]);
    expect(redundantScopes(["light:admin", "lighthouse.forecast:readonly"])).toEqual([]);
    expect(redundantScopes(["strange", "strange:thing"])).toEqual([]);
  });

  it("keeps scopes that the catalogue no longer has", () => {
    expect(unlistedScopes(groups, ["cca:admin", "gone:admin"])).toEqual(["gone:admin"]);
  });
});
