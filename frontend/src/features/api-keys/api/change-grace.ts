import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { type ApiKey, ifMatch } from "./api-key";
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

interface Cancellation {
  clientId: string;
  /** The version that the operator has seen; the service answers 412 when the key has changed since. */
  etag: string | null;
}

async function cancelRotation({ clientId, etag }: Cancellation): Promise<void> {
  const params = { path: { client_id: clientId }, header: ifMatch(etag) };
  await send(api.POST("/v1/api-keys/{client_id}/cancel-rotation", { params }));
}

interface ChangeGraceOptions {
  /** Unlike callbacks of `mutate`, these are also called once the operator has left the screen. */
  onSuccess: (changed: ApiKey) => void;
  onError: (error: Error) => void;
}

/** Lengthens or shortens the grace period of an old secret. */
export function useChangeGrace({ onSuccess, onError }: ChangeGraceOptions) {
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: changeGrace,
    onSuccess,
    onError,
    onSettled: (_data, _error, { clientId }) => keyChanged(clientId),
  });
}

/** Undoes a rotation: the old secret stays, and the new one ends now. */
export function useCancelRotation() {
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: cancelRotation,
    onSettled: (_data, _error, { clientId }) => keyChanged(clientId),
  });
}
