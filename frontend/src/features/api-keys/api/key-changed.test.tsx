import { act, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { renderQueryHook, testQueryClient } from "@/test/render";
import { server } from "@/test/server";
import { apiKeyQueryKeys } from "./api-key";
import { useCancelRotation, useChangeGrace } from "./change-grace";
import { useCreateApiKey } from "./create-api-key";
import { useDeleteApiKey } from "./delete-api-key";
import { useRetireSecret } from "./retire-secret";
import { useRevokeTokens } from "./revoke-tokens";
import { useRotateSecret } from "./rotate-secret";
import { useSetStatus } from "./set-status";
import { useUpdateApiKey } from "./update-api-key";

const clientId = "ak_EXAMPLE";
const secret = { clientId, secretId: "sec_EXAMPLE" };
const values = {
  name: "ERP integration",
  description: "",
  scopes: ["lighthouse.workspaces:readonly"],
  token_lifespan: { value: 1, unit: "hours" as const },
  rate_limit: null,
};

/** A change under test: a hook that returns the function that makes the change. */
type Change = () => () => Promise<unknown>;

function bound<Variables>(
  useChange: () => { mutate: (variables: Variables, options: { onError: (error: Error) => void }) => void },
  to: Variables,
): Change {
  return () => {
    const { mutate } = useChange();
    return () => new Promise((_, reject) => mutate(to, { onError: reject }));
  };
}

it.each<[string, Change, boolean]>([
  ["create", bound(useCreateApiKey, values), false],
  ["edit", bound(useUpdateApiKey, { clientId, etag: null, patch: values }), true],
  ["deactivate", bound(useSetStatus, { clientId, status: "inactive" as const }), true],
  ["delete", bound(useDeleteApiKey, clientId), true],
  ["rotate", bound(useRotateSecret, { clientId, etag: null, gracePeriodSeconds: 3600 }), true],
  ["retire", bound(useRetireSecret, secret), true],
  [
    "change the grace period",
    bound(() => useChangeGrace({ onSuccess: () => undefined, onError: () => undefined }), { ...secret, seconds: 3600 }),
    true,
  ],
  ["cancel a rotation", bound(useCancelRotation, { clientId, etag: null }), true],
  ["revoke tokens", bound(useRevokeTokens, clientId), true],
])("what is known of keys is old after an unanswered attempt to %s", async (_what, useChange, ofKey) => {
  server.use(http.all("*", () => new HttpResponse("Bad gateway", { status: 502 })));
  const queryClient = testQueryClient();
  const list = [...apiKeyQueryKeys.lists, { page: 1 }];
  const detail = apiKeyQueryKeys.detail(clientId);
  queryClient.setQueryData(list, { items: [], meta: {} });
  queryClient.setQueryData(detail, { key: {}, etag: '"1"' });
  const isOld = (queryKey: readonly unknown[]) => queryClient.getQueryState(queryKey)?.isInvalidated;

  const { result } = renderQueryHook(useChange, queryClient);
  await act(() => expect(result.current()).rejects.toThrow());
  await waitFor(() => expect(isOld(list)).toBe(true));
  expect(isOld(detail)).toBe(ofKey);
});
