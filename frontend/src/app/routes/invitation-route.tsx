import { useNavigate } from "@tanstack/react-router";
import { InvitationPage } from "@/features/account/invitation-page";

export default function InvitationRoute() {
  const navigate = useNavigate();
  return (
    <InvitationPage
      onDone={() =>
        // Another operator may be signed in to this browser.
        void navigate({ to: "/sign-in", search: {}, state: { signOut: true, passwordSet: true }, replace: true })
      }
    />
  );
}
