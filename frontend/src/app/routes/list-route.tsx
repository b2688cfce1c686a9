import { getRouteApi } from "@tanstack/react-router";
import { useCallback } from "react";
import { ListPage } from "@/features/api-keys/list/list-page";
import type { ListSearch } from "@/features/api-keys/list/list-search";

const route = getRouteApi("/signed-in/api-keys");

export function ListRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = useCallback(
    (next: ListSearch, options?: { replace?: boolean }) => {
      void navigate({ to: "/api-keys", search: next, replace: options?.replace ?? false, resetScroll: false });
    },
    [navigate],
  );
  return <ListPage search={search} onChange={change} />;
}
