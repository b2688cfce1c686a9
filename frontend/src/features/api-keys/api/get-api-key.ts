import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { type ApiKey, apiKeyQueryKeys, type VersionedKey } from "./api-key";

async function fetchApiKey(clientId: string, signal?: AbortSignal): Promise<VersionedKey> {
  const { data, etag } = await send(
    api.GET("/v1/api-keys/{client_id}", { params: { path: { client_id: clientId } }, ...(signal && { signal }) }),
  );
  return { key: data, etag };
}

export function apiKeyQuery(clientId: string) {
  return queryOptions({
    queryKey: apiKeyQueryKeys.detail(clientId),
    queryFn: ({ signal }) => fetchApiKey(clientId, signal),
  });
}

interface FreshKey extends VersionedKey {
  /** Whether the key was read again, or that has failed. */
  checked: boolean;
}

/** The key that a dialog is about, read again: the screen behind may have shown it for hours. */
export function useFreshKey(shown: ApiKey): FreshKey {
  const query = useQuery({ ...apiKeyQuery(shown.client_id), refetchOnMount: "always", retry: false });
  return { ...(query.data ?? { key: shown, etag: null }), checked: query.isFetchedAfterMount };
}
