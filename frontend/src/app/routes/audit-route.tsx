import { getRouteApi } from "@tanstack/react-router";
import { AuditPage } from "@/features/audit/audit-page";

const route = getRouteApi("/signed-in/audit");

export default function AuditRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <AuditPage
      search={search}
      onChange={(next, options) =>
        void navigate({ to: "/audit", search: next, replace: options?.replace ?? false, resetScroll: false })
      }
    />
  );
}
