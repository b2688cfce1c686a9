import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import { type ApiKeyPage, type ApiKeyStatus, apiKeyQueryKeys, type VersionedKey } from "./api-key";
import { useKeyChanged } from "./key-changed";

interface SetStatus {
  clientId: string;
  status: ApiKeyStatus;
}

async function setStatus({ clientId, status }: SetStatus): Promise<void> {
  const params = { path: { client_id: clientId } };
  await send(
    status === "active"
      ? api.POST("/v1/api-keys/{client_id}/activate", { params })
      : api.POST("/v1/api-keys/{client_id}/deactivate", { params }),
  );
}

function showStatus(queryClient: QueryClient, { clientId, status }: SetStatus): void {
  queryClient.setQueriesData<ApiKeyPage>({ queryKey: apiKeyQueryKeys.lists }, (page) =>
    page === undefined
      ? page
      : { ...page, items: page.items.map((key) => (key.client_id === clientId ? { ...key, status } : key)) },
  );
  queryClient.setQueryData<VersionedKey>(apiKeyQueryKeys.detail(clientId), (versioned) =>
    versioned === undefined ? versioned : { ...versioned, key: { ...versioned.key, status } },
  );
}

const mutationKey = ["set-status"];

/** Whether a change of the key's status is pending. */
export function isSettingStatus(queryClient: QueryClient, clientId: string): boolean {
  const underWay = queryClient.getMutationCache().findAll({ mutationKey, status: "pending" });
  return underWay.some(({ state }) => (state.variables as SetStatus).clientId === clientId);
}

/** Activates or deactivates a key. The screen shows the new status at once, and the old one again if the service refuses. */
export function useSetStatus() {
  const queryClient = useQueryClient();
  const keyChanged = useKeyChanged();
  return useMutation({
    mutationKey,
    mutationFn: setStatus,
    onMutate: async (change: SetStatus) => {
      await queryClient.cancelQueries({ queryKey: apiKeyQueryKeys.lists });
      await queryClient.cancelQueries({ queryKey: apiKeyQueryKeys.detail(change.clientId) });
      showStatus(queryClient, change);
    },
    onError: (_error, change) => {
      showStatus(queryClient, { ...change, status: change.status === "active" ? "inactive" : "active" });
    },
    onSettled: (_data, _error, { clientId }) => keyChanged(clientId),
  });
}
