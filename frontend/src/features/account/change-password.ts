import { api, type Schemas, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";

async function changePassword(body: Schemas["PasswordChange"]): Promise<void> {
  await send(api.POST("/v1/session/password", { body }));
}

/** Changes the operator's own password and ends their other sessions. */
export function useChangePassword() {
  // The variables hold both passwords, so nothing may keep them.
  return useSingleMutation({ mutationFn: changePassword, gcTime: 0 });
}
