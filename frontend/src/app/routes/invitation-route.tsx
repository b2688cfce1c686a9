import { useNavigate } from "@tanstack/react-router";
import { InvitationPage } from "@/features/account/invitation-page";

export default function InvitationRoute() {
  const navigate = useNavigate();
  return (
    <InvitationPage
      onDone={() =>
        // Whoever is signed in at this browser may be somebody else.
        void navigate({ to: "/sign-in", search: {}, state: { signOut: true, passwordSet: true }, replace: true })
      }
    />
  );
}
