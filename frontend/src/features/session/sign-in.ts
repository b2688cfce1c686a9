import { useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { reauthentication } from "@/shared/api/reauthentication";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { announceIdentity, identityOf } from "./identity";
import { type Session, sessionQuery } from "./session-query";

async function signIn(body: Schemas["SignIn"]): Promise<Session> {
  const { data } = await send(api.POST("/v1/session", { body }));
  return data;
}

export function useSignIn() {
  const queryClient = useQueryClient();
  return useSingleMutation({
    mutationFn: signIn,
    // The variables hold the password, so nothing may keep them.
    gcTime: 0,
    onSuccess: (session) => {
      queryClient.setQueryData(sessionQuery.queryKey, session);
      announceIdentity(identityOf(session));
      reauthentication.arm();
    },
  });
}
