import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { reauthentication } from "@/shared/api/reauthentication";

export type Session = Schemas["Session"];

async function fetchSession(signal: AbortSignal): Promise<Session> {
  const { data } = await send(api.GET("/v1/session", { signal }));
  reauthentication.arm();
  return data;
}

/** Who is signed in; fails with 401 when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => fetchSession(signal),
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: Number.POSITIVE_INFINITY,
});

/** The session of a signed-in page; the router lets nobody there without one. */
export function useSession(): Session {
  const { data } = useQuery(sessionQuery);
  if (!data) throw new Error("useSession needs a signed-in page");
  return data;
}

/** Whether the operator may change anything; readonly operators see no write actions. */
export function useCanWrite(): boolean {
  return useSession().operator.role !== "readonly";
}
