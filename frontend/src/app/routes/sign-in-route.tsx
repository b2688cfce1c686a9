import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { SignInPage } from "@/features/session/sign-in-page";
import { forgetSession } from "@/features/session/sign-out";

const route = getRouteApi("/sign-in");

export default function SignInRoute() {
  const { redirect } = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  useEffect(() => forgetSession(queryClient), [queryClient]);
  return <SignInPage onSignedIn={() => router.history.replace(redirect ?? "/api-keys")} />;
}
