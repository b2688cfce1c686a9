import { queryOptions } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";

async function fetchIssuer(signal: AbortSignal): Promise<string> {
  const { data } = await send(api.GET("/.well-known/oauth-authorization-server", { signal }));
  return data.issuer;
}

/** The address at which customers' programs reach the service; the console's own address may be internal. */
export const issuerQuery = queryOptions({
  queryKey: ["issuer"],
  queryFn: ({ signal }) => fetchIssuer(signal),
  // It changes only with the service's configuration.
  staleTime: Number.POSITIVE_INFINITY,
});
