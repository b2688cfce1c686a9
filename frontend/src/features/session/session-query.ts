import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { reauthentication } from "@/shared/api/reauthentication";
import { announceIdentity, identityOf } from "./identity";

export type Session = Schemas["Session"];

export async function readSession(signal?: AbortSignal): Promise<Session> {
  const { data } = await send(api.GET("/v1/session", signal ? { signal } : {}));
  return data;
}

/**
 * Reads the browser's session when a page starts. Signing in with the provider also starts a page, so
 * the other tabs are told.
 */
async function enter(signal: AbortSignal): Promise<Session> {
  const session = await readSession(signal);
  announceIdentity(identityOf(session));
  reauthentication.arm();
  return session;
}

/** Who is signed in; fails with 401 when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => enter(signal),
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: Number.POSITIVE_INFINITY,
});

/** The session of a signed-in page; the router admits nobody to such a page without one. */
export function useSession(): Session {
  const { data } = useQuery(sessionQuery);
  if (!data) throw new Error("useSession needs a signed-in page");
  return data;
}

/** Changes the role in the cached session, after the signed-in operator has changed their own. */
export function useSetOwnRole(): (role: Schemas["Role"]) => void {
  const queryClient = useQueryClient();
  return (role) =>
    queryClient.setQueryData(
      sessionQuery.queryKey,
      (session) => session && { ...session, operator: { ...session.operator, role } },
    );
}

/** Whether the operator may change anything; readonly operators see no write actions. */
export function useCanWrite(): boolean {
  return useSession().operator.role !== "readonly";
}
