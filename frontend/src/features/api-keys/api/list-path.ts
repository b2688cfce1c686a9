import type { ListSearch } from "../list/list-search";

/**
 * The parameters of a list request, always in the same order: first-paint.ts preloads the request, and its URL must match.
 */
export function apiKeysParameters({ search, status, page, page_size, sort_field, sort_order }: ListSearch) {
  return { ...(search !== "" && { search }), status, page, page_size, sort_field, sort_order };
}

/** The path of a list request, exactly as the API client writes it. */
export function apiKeysPath(search: ListSearch): string {
  const parameters = Object.entries(apiKeysParameters(search));
  return `/v1/api-keys?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}
