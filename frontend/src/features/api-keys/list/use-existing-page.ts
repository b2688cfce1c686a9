import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { apiKeysQuery } from "../api/list-api-keys";
import type { ListSearch } from "./list-search";

/**
 * Leaves a page that doesn't exist, because the last key of the last page was deleted or a link is older than the list: goes to the
 * last page that exists. If the count is capped, goes to the previous page if the operator came from it, and otherwise to a page
 * that must exist. Does nothing while the number of pages is unknown.
 */
export function useExistingPage(
  search: ListSearch,
  pages: number | undefined,
  onChange: (next: ListSearch, options: { replace: boolean }) => void,
) {
  const queryClient = useQueryClient();
  useEffect(() => {
    if (pages === undefined || search.page <= pages) return;
    const before = { ...search, page: search.page - 1 };
    const known = queryClient.getQueryData(apiKeysQuery(before).queryKey);
    onChange(known?.items.length ? before : { ...search, page: pages }, { replace: true });
  }, [pages, search, onChange, queryClient]);
}
