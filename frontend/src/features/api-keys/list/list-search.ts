import type { SearchSchemaInput } from "@tanstack/react-router";
import type { ApiKeyPage } from "../api/api-key";
import type { ListQuery } from "../api/list-path";

/**
 * What the list shows: search, filter, sorting and page. It is kept in the page's URL, under the
 * service's own parameter names.
 */
export type ListSearch = ListQuery;
export type StatusFilter = ListQuery["status"];
export type SortField = ListQuery["sort_field"];
export type SortOrder = ListQuery["sort_order"];

export const SEARCH_LENGTH_MAX = 100;
const PAGE_MAX = 1_000_000;
export const pageSizes = [10, 25, 50, 100] as const;

export const listDefaults: ListSearch = {
  search: "",
  status: "all",
  page: 1,
  page_size: 10,
  sort_field: "created_at",
  sort_order: "DESC",
};

export const statusFilters: readonly StatusFilter[] = ["all", "active", "inactive"];
export const sortFields: readonly SortField[] = ["name", "created_at", "last_used_at"];
const sortOrders: readonly SortOrder[] = ["ASC", "DESC"];

function oneOf<Value extends string>(allowed: readonly Value[], raw: unknown, fallback: Value): Value {
  return allowed.find((value) => value === raw) ?? fallback;
}

function wholeNumber(raw: unknown, max: number, fallback: number): number {
  const text = typeof raw === "number" ? String(raw) : raw;
  if (typeof text !== "string" || !/^[0-9]+$/.test(text)) return fallback;
  const value = Number(text);
  return value >= 1 && value <= max ? value : fallback;
}

/** The part of the list's state that a URL gives. */
export type ListSearchInput = Partial<ListSearch> & SearchSchemaInput;

/** Reads the list's state from a URL. People type, shorten and share URLs, so invalid values become the defaults. */
export function parseListSearch(raw: ListSearchInput): ListSearch {
  return {
    search: typeof raw.search === "string" ? raw.search.slice(0, SEARCH_LENGTH_MAX) : listDefaults.search,
    status: oneOf(statusFilters, raw.status, listDefaults.status),
    page: wholeNumber(raw.page, PAGE_MAX, listDefaults.page),
    page_size: wholeNumber(raw.page_size, 100, listDefaults.page_size),
    sort_field: oneOf(sortFields, raw.sort_field, listDefaults.sort_field),
    sort_order: oneOf(sortOrders, raw.sort_order, listDefaults.sort_order),
  };
}

/** Whether the list is filtered, so that an empty result doesn't mean that there are no keys. */
export function isFiltered(search: ListSearch): boolean {
  return search.search.trim() !== "" || search.status !== "all";
}

/** The two orders of a column, the default first: names start at A, times with the latest. */
export function ordersOf(field: SortField): readonly [SortOrder, SortOrder] {
  return field === "name" ? ["ASC", "DESC"] : ["DESC", "ASC"];
}

/** The search after a click on a column's header: the column's default order, or the reverse on a second click. */
export function sortedBy(current: ListSearch, field: SortField): ListSearch {
  const [first, second] = ordersOf(field);
  const order = current.sort_field === field && current.sort_order === first ? second : first;
  return { ...current, sort_field: field, sort_order: order, page: 1 };
}

/** The pages to link to: the first, the last, and those around the current one. */
export function pageNumbers(page: number, pages: number): number[] {
  return [...new Set([1, page - 1, page, page + 1, pages])].filter((each) => each >= 1 && each <= pages);
}

export interface PageRange {
  first: number;
  last: number;
  /** The last known page. */
  pages: number;
  /** How many keys are known. */
  total: number;
  /** Whether there may be more pages and keys. */
  more: boolean;
}

/**
 * The positions that a page covers, counted from 1, and the number of pages. The service stops counting keys at a limit, but
 * has pages beyond it; the first page that isn't full is the last.
 */
export function pageRange({ page, page_size, total, total_capped }: ApiKeyPage["meta"], items: number): PageRange {
  const before = (page - 1) * page_size;
  const last = before + items;
  const known = items > 0 ? Math.max(total, last) : total;
  const more = total_capped && (items === 0 || items === page_size);
  return {
    first: before + Math.min(1, items),
    last,
    pages: Math.max(1, Math.ceil((more ? known + 1 : known) / page_size)),
    total: known,
    more,
  };
}
