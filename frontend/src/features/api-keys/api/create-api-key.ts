import { useRef } from "react";
import { api, type Schemas, send } from "@/shared/api/client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import type { IssuedSecret } from "./api-key";
import { useKeyChanged } from "./key-changed";

type Create = Schemas["ApiKeyCreate"];

async function createApiKey(body: Create, idempotencyKey: string): Promise<IssuedSecret> {
  const { data } = await send(
    api.POST("/v1/api-keys", { body, params: { header: { "Idempotency-Key": idempotencyKey } } }),
  );
  return { clientId: data.client_id, clientSecret: data.client_secret, name: data.name };
}

/** randomUUID exists only on https and localhost, but people may try the console over plain http in a private network. */
function randomId(): string {
  if (window.isSecureContext) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Creates a key. Repeating a call with the same values after its answer was lost yields the same key, because the idempotency
 * key changes only with the values.
 */
export function useCreateApiKey() {
  const keyChanged = useKeyChanged();
  const attempt = useRef({ body: "", id: "" });
  return useSingleMutation({
    mutationFn: (body: Create) => {
      const serialized = JSON.stringify(body);
      if (attempt.current.body !== serialized) attempt.current = { body: serialized, id: randomId() };
      return createApiKey(body, attempt.current.id);
    },
    // The result holds the secret: nothing may keep it once the component has taken it over.
    gcTime: 0,
    // Not awaited: the secret is shown without waiting for the refetch.
    onSettled: () => void keyChanged(),
  });
}
