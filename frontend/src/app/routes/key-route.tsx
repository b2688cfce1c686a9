import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { KeyPage } from "@/features/api-keys/detail/key-page";
import { KeyHistory } from "@/features/audit/key-history";

const route = getRouteApi("/signed-in/api-keys/$clientId");

export default function KeyRoute() {
  const { clientId } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  return (
    <KeyPage
      key={clientId}
      clientId={clientId}
      search={search}
      onSearch={(next) =>
        void navigate({ to: "/api-keys/$clientId", params: { clientId }, search: next, resetScroll: false })
      }
      onDeleted={() => void navigate({ to: "/api-keys", replace: true })}
      history={(key) => <KeyHistory clientId={key.client_id} name={key.name} />}
    />
  );
}
