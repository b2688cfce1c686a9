import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useLocation, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { SignInPage } from "@/features/session/sign-in-page";
import { forgetSession } from "@/features/session/sign-out";
import { useTranslation } from "@/shared/i18n/use-translation";

const route = getRouteApi("/sign-in");

export default function SignInRoute() {
  const { redirect = "/api-keys", error } = route.useSearch();
  const provider = route.useLoaderData();
  const { t } = useTranslation();
  const { state } = useLocation();
  const router = useRouter();
  const queryClient = useQueryClient();
  const navigate = route.useNavigate();
  useEffect(() => forgetSession(queryClient), [queryClient]);
  useEffect(() => {
    // Browsers keep history state across reloads, so without this a reload would end a session begun since.
    if (state.signOut) {
      void navigate({ to: ".", search: true, state: (before) => ({ ...before, signOut: false }), replace: true });
    }
  }, [state.signOut, navigate]);
  return (
    <SignInPage
      notice={state.passwordSet ? t("invitation.done") : undefined}
      failure={error}
      provider={provider}
      returnTo={redirect}
      onSignedIn={() => router.history.replace(redirect)}
    />
  );
}
