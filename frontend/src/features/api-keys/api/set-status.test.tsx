import { act, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { apiKey } from "@/test/fixtures";
import { gate } from "@/test/gate";
import { renderQueryHook, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { apiKeyQueryKeys } from "./api-key";
import { useSetStatus } from "./set-status";

it("shows the new status at once, and the old one again when the service refuses", async () => {
  const { opened, open } = gate();
  server.use(
    http.post(at("/v1/api-keys/ak_EXAMPLE/deactivate"), async () => {
      await opened;
      return HttpResponse.json({ code: "authorization/forbidden" }, { status: 403 });
    }),
  );
  const queryClient = testQueryClient();
  const detail = apiKeyQueryKeys.detail("ak_EXAMPLE");
  queryClient.setQueryData(detail, { key: apiKey(), etag: '"1"' });
  const status = () => queryClient.getQueryData<{ key: { status: string } }>(detail)?.key.status;

  const { result } = renderQueryHook(useSetStatus, queryClient);
  act(() => result.current.mutate({ clientId: "ak_EXAMPLE", status: "inactive" }));
  await waitFor(() => expect(status()).toBe("inactive"));
  open();
  await waitFor(() => expect(result.current.isError).toBe(true));
  expect(status()).toBe("active");
});
