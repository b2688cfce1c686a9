import type { ListSearch } from "../list/list-search";

/** The parameters of a list's request, always in one order: it is asked for ahead, and has to be found again. */
export function apiKeysParameters({ search, status, page, page_size, sort_field, sort_order }: ListSearch) {
  return { ...(search !== "" && { search }), status, page, page_size, sort_field, sort_order };
}

/** The path of a list's request, as the client of the contract writes it. */
export function apiKeysPath(search: ListSearch): string {
  const parameters = Object.entries(apiKeysParameters(search));
  return `/v1/api-keys?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}
