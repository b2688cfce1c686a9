import { getRouteApi } from "@tanstack/react-router";
import { UsagePage } from "@/features/usage/overview/usage-page";

const route = getRouteApi("/signed-in/usage");

export default function UsageRoute() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <UsagePage search={search} onChange={(next) => void navigate({ to: "/usage", search: next, resetScroll: false })} />
  );
}
