import { api, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import { useKeyChanged } from "./key-changed";

interface Retirement {
  clientId: string;
  secretId: string;
}

async function retireSecret({ clientId, secretId }: Retirement): Promise<void> {
  await send(
    api.DELETE("/v1/api-keys/{client_id}/secrets/{secret_id}", {
      params: { path: { client_id: clientId, secret_id: secretId } },
    }),
  );
}

/** Ends an old secret before its grace period does. */
export function useRetireSecret() {
  const keyChanged = useKeyChanged();
  return useSingleMutation({
    mutationFn: retireSecret,
    onSettled: (_data, _error, { clientId }) => keyChanged(clientId),
  });
}
