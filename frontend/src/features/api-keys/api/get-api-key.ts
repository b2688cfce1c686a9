import { queryOptions } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { apiKeyQueryKeys, type VersionedKey } from "./api-key";

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
