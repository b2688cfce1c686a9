import { api, type Schemas, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";

async function acceptInvitation(body: Schemas["InvitationAcceptance"]): Promise<string> {
  const { data } = await send(api.POST("/v1/invitation", { body }));
  return data.email;
}

/** Sets a password with a one-time token and returns whose password it is. */
export function useAcceptInvitation() {
  // The variables hold the token and the password, so nothing may keep them.
  return useSingleMutation({ mutationFn: acceptInvitation, gcTime: 0 });
}
