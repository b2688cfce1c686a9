import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";

export type SignInMethods = Schemas["SignInMethods"];

async function fetchSignInMethods(signal: AbortSignal): Promise<SignInMethods> {
  const { data } = await send(api.GET("/v1/session/methods", { signal }));
  return data;
}

/** How operators can sign in; this changes only when the service restarts. */
export const signInMethodsQuery = queryOptions({
  queryKey: ["sign-in-methods"],
  queryFn: ({ signal }) => fetchSignInMethods(signal),
  staleTime: Number.POSITIVE_INFINITY,
});
