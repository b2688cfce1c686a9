import { queryOptions } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";

async function fetchIssuer(signal: AbortSignal): Promise<string> {
  const { data } = await send(api.GET("/.well-known/oauth-authorization-server", { signal }));
  return data.issuer;
}

/** The address that customers' programs find the service at; the console's own may be an internal one. */
export const issuerQuery = queryOptions({
  queryKey: ["issuer"],
  queryFn: ({ signal }) => fetchIssuer(signal),
  // It only changes with the service's configuration.
  staleTime: Number.POSITIVE_INFINITY,
});
