import { describe, expect, it } from "vitest";
import {
  isFiltered,
  type ListSearch,
  listDefaults,
  pageNumbers,
  pageRange,
  parseListSearch,
  sortedBy,
} from "./list-search";

/** Search parameters as they come from a URL: always strings, whatever the type says. */
function fromUrl(raw: Record<string, unknown>): ListSearch {
  return parseListSearch(raw as Parameters<typeof parseListSearch>[0]);
}

describe("the list's state in the URL", () => {
  it("is the default where the URL says nothing", () => {
    expect(fromUrl({})).toEqual(listDefaults);
  });

  it("survives the way through the URL", () => {
    const search: ListSearch = {
      search: "123",
      status: "inactive",
      page: 3,
      page_size: 50,
      sort_field: "last_used_at",
      sort_order: "ASC",
    };
    const url = new URLSearchParams(Object.entries(search).map(([name, value]) => [name, String(value)]));
    expect(fromUrl(Object.fromEntries(url))).toEqual(search);
  });

  it.each([
    [{ page: "0" }],
    [{ page: "-2" }],
    [{ page: "1.5" }],
    [{ page: "1000001" }],
    [{ page: "1e3" }],
    [{ page_size: "101" }],
    [{ status: "deleted" }],
    [{ sort_field: "secret" }],
    [{ sort_order: "asc" }],
    [{ search: 7 }],
  ])("%o becomes the default", (raw) => {
    expect(fromUrl(raw)).toEqual(listDefaults);
  });

  it("never asks for more text than the service takes", () => {
    expect(fromUrl({ search: "x".repeat(150) }).search).toHaveLength(100);
  });
});

describe("the pager", () => {
  it.each([
    [1, 1, [1]],
    [1, 3, [1, 2, 3]],
    [1, 20, [1, 2, 20]],
    [10, 20, [1, 9, 10, 11, 20]],
    [20, 20, [1, 19, 20]],
  ])("at page %i of %i links to %o", (page, pages, links) => {
    expect(pageNumbers(page, pages)).toEqual(links);
  });
});

describe("the list", () => {
  it("is filtered by text or status, not by sorting or paging", () => {
    expect(isFiltered({ ...listDefaults, page: 4, sort_field: "name" })).toBe(false);
    expect(isFiltered({ ...listDefaults, search: " " })).toBe(false);
    expect(isFiltered({ ...listDefaults, search: "x" })).toBe(true);
    expect(isFiltered({ ...listDefaults, status: "active" })).toBe(true);
  });

  it("sorts names from A and times from the latest, turns round on the second click, and starts at page 1", () => {
    const byName = sortedBy({ ...listDefaults, page: 3 }, "name");
    expect(byName).toMatchObject({ sort_field: "name", sort_order: "ASC", page: 1 });
    expect(sortedBy(byName, "name").sort_order).toBe("DESC");
    expect(sortedBy(byName, "last_used_at").sort_order).toBe("DESC");
  });

  it.each([
    [1, 10, 0, 0, { first: 0, last: 0, pages: 1 }],
    [1, 10, 10, 10, { first: 1, last: 10, pages: 1 }],
    [2, 10, 11, 1, { first: 11, last: 11, pages: 2 }],
    [9, 10, 11, 0, { pages: 2 }],
  ])("page %i of %i out of %i has %i keys", (page, page_size, total, items, range) => {
    const meta = { page, page_size, total, total_capped: false };
    expect(pageRange(meta, items)).toMatchObject({ ...range, total, more: false });
  });

  it.each([
    ["has one more page than are counted", 1, 10, 10, { first: 1, last: 10, pages: 1001, total: 10_000, more: true }],
    ["has the keys of a page across the bound", 334, 30, 30, { last: 10_020, pages: 335, total: 10_020, more: true }],
    [
      "may go on after a full page",
      1001,
      10,
      10,
      { first: 10_001, last: 10_010, pages: 1002, total: 10_010, more: true },
    ],
    ["ends with a page that isn't full", 1001, 10, 3, { last: 10_003, pages: 1001, total: 10_003, more: false }],
    ["has ended before an empty page", 5000, 10, 0, { pages: 1001, total: 10_000, more: true }],
  ])("of more keys than are counted %s", (_what, page, page_size, items, range) => {
    expect(pageRange({ page, page_size, total: 10_000, total_capped: true }, items)).toMatchObject(range);
  });
});
