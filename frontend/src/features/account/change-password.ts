import { api, type Schemas, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";

async function changePassword(body: Schemas["PasswordChange"]): Promise<void> {
  await send(api.POST("/v1/session/password", { body }));
}

/** Changes one's own password; one's other sessions end. */
export function useChangePassword() {
  // The variables hold both passwords.
  return useSingleMutation({ mutationFn: changePassword, gcTime: 0 });
}
