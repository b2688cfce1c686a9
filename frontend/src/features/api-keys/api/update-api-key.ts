import { useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { apiKeyQueryKeys, ifMatch, type VersionedKey } from "./api-key";
import { useKeyChanged } from "./key-changed";

interface Update {
  clientId: string;
  /** The version that the change is based on; the service answers 412 when the key has changed since. */
  etag: string | null;
  patch: Schemas["ApiKeyPatch"];
}

async function updateApiKey({ clientId, etag, patch }: Update): Promise<VersionedKey> {
  const answer = await send(
    api.PATCH("/v1/api-keys/{client_id}", {
      params: { path: { client_id: clientId }, header: ifMatch(etag) },
      body: patch,
      headers: { "Content-Type": "application/merge-patch+json" },
    }),
  );
  return { key: answer.data, etag: answer.etag };
}

export function useUpdateApiKey() {
  const queryClient = useQueryClient();
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: updateApiKey,
    onSuccess: (updated, { clientId }) => {
      queryClient.setQueryData(apiKeyQueryKeys.detail(clientId), updated);
      return keyChanged();
    },
    // Not awaited: the problem is shown without waiting for the refetch.
    onError: (_error, { clientId }) => void keyChanged(clientId),
  });
}
