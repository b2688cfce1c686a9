import type { paths } from "@/api/schema.gen";

/** What is asked of the list: search, filter, sorting and page. */
export type ListQuery = Required<NonNullable<paths["/v1/api-keys"]["get"]["parameters"]["query"]>>;

/**
 * The parameters of a list request, always in the same order: first-paint.ts preloads the request, and its URL must match.
 */
export function apiKeysParameters({ search, status, page, page_size, sort_field, sort_order }: ListQuery) {
  return { ...(search !== "" && { search }), status, page, page_size, sort_field, sort_order };
}

/** The path of a list request, exactly as the API client writes it. */
export function apiKeysPath(search: ListQuery): string {
  const parameters = Object.entries(apiKeysParameters(search));
  return `/v1/api-keys?${parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}
