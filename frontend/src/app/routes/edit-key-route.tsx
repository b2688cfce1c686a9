import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { EditPage } from "@/features/api-keys/form/edit-page";

const route = getRouteApi("/signed-in/api-keys/$clientId/edit");

export default function EditKeyRoute() {
  const { clientId } = route.useParams();
  const navigate = useNavigate();
  return (
    <EditPage
      key={clientId}
      clientId={clientId}
      onDone={() =>
        void navigate({ to: "/api-keys/$clientId", params: { clientId }, replace: true, ignoreBlocker: true })
      }
    />
  );
}
