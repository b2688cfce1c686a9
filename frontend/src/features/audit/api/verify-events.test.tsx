import { QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import type { ReactNode } from "react";
import { expect, it, vi } from "vitest";
import { testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { useVerifyEvents } from "./verify-events";

it("may take longer than other answers", async () => {
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
  server.use(http.get(at("/v1/events/verify"), () => HttpResponse.json({ verified: true })));
  const queryClient = testQueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
  );
  const { result } = renderHook(() => useVerifyEvents(), { wrapper });
  act(() => result.current.mutate());
  await waitFor(() => expect(result.current.status).toBe("success"));
});
