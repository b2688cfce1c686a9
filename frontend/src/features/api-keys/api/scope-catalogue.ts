import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";

export type ScopeCatalogue = Schemas["ScopeCatalogue"];
export type CatalogueScope = Schemas["CatalogueScope"];
export type Access = CatalogueScope["access"];
export type Label = Schemas["Label"];

async function fetchScopeCatalogue(signal: AbortSignal): Promise<ScopeCatalogue> {
  const { data } = await send(api.GET("/v1/scopes", { signal }));
  return data;
}

const scopeCatalogueQuery = queryOptions({
  queryKey: ["scopes"],
  queryFn: ({ signal }) => fetchScopeCatalogue(signal),
  // The catalogue changes only with the service's configuration.
  staleTime: 10 * 60_000,
});

export function useScopeCatalogue() {
  return useQuery(scopeCatalogueQuery);
}
