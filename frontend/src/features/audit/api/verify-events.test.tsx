import { act, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { renderQueryHook } from "@/test/render";
import { at, server } from "@/test/server";
import { useVerifyEvents } from "./verify-events";

it("may take longer than other answers", async () => {
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
  server.use(http.get(at("/v1/events/verify"), () => HttpResponse.json({ verified: true })));
  const { result } = renderQueryHook(useVerifyEvents);
  act(() => result.current.mutate());
  await waitFor(() => expect(result.current.status).toBe("success"));
});
