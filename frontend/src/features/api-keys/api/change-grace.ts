import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { useKeyChanged } from "./key-changed";

interface GraceChange {
  clientId: string;
  secretId: string;
  /** How long the old secret keeps working, counted from now. */
  seconds: number;
}

async function changeGrace({ clientId, secretId, seconds }: GraceChange) {
  const { data } = await send(
    api.PATCH("/v1/api-keys/{client_id}/secrets/{secret_id}", {
      params: { path: { client_id: clientId, secret_id: secretId } },
      body: { grace_period_seconds: seconds },
      headers: { "Content-Type": "application/merge-patch+json" },
    }),
  );
  return data;
}

async function cancelRotation(clientId: string): Promise<void> {
  await send(api.POST("/v1/api-keys/{client_id}/cancel-rotation", { params: { path: { client_id: clientId } } }));
}

/** Lengthens or shortens the grace period of an old secret. */
export function useChangeGrace() {
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: changeGrace,
    onSettled: (_data, _error, { clientId }) => keyChanged(clientId),
  });
}

/** Undoes a rotation: the old secret stays, and the new one ends now. */
export function useCancelRotation() {
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: cancelRotation,
    onSettled: (_data, _error, clientId) => keyChanged(clientId),
  });
}
