import type { QueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ApiError } from "@/shared/api/api-error";
import { api, send } from "@/shared/api/client";
import { reauthentication } from "@/shared/api/reauthentication";
import { toaster } from "@/shared/ui/toaster-store";
import { announceIdentity } from "./identity";

/** Signs out: goes to the sign-in page, which ends the session if there still is one. */
export function useSignOut(): () => void {
  const navigate = useNavigate();
  return () => void navigate({ to: "/sign-in", search: {}, state: { signOut: true } });
}

export async function endSession(): Promise<void> {
  await send(api.DELETE("/v1/session"));
  announceIdentity(null);
}

/** Forgets everything that was read during the session. Call it only once no signed-in screen is mounted. */
export function forgetSession(queryClient: QueryClient): void {
  reauthentication.disarm(new ApiError({ status: 401, code: "failed" }));
  queryClient.clear();
  toaster.clear();
}
