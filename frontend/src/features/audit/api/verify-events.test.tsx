import { act, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { createQueryClient } from "@/shared/api/query-client";
import { renderQueryHook } from "@/test/render";
import { at, server } from "@/test/server";
import { auditDefaults } from "../audit-search";
import { eventsQuery } from "./event";
import { useVerifyEvents } from "./verify-events";

it("may take longer than other answers", async () => {
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
  server.use(http.get(at("/v1/events/verify"), () => HttpResponse.json({ verified: true })));
  const { result } = renderQueryHook(useVerifyEvents);
  act(() => result.current.mutate());
  await waitFor(() => expect(result.current.status).toBe("success"));
});

it("leaves the events that were read as they are", async () => {
  server.use(http.get(at("/v1/events/verify"), () => HttpResponse.json({ verified: true })));
  const client = createQueryClient();
  const { queryKey, meta } = eventsQuery(auditDefaults);
  const events = client.getQueryCache().build(client, { queryKey, meta });
  const { result } = renderQueryHook(useVerifyEvents, client);
  act(() => result.current.mutate());
  await waitFor(() => expect(result.current.status).toBe("success"));
  expect(events.state.isInvalidated).toBe(false);
});
