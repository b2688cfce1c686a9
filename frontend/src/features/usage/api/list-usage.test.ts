import { useQuery } from "@tanstack/react-query";
import { act, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { renderQueryHook } from "@/test/render";
import { at, server } from "@/test/server";
import { listUsageQuery } from "./list-usage";

it("keeps the points of a key that obtained no token since, so that its row does not render again", async () => {
  const start = "2026-11-20T12:00:00Z";
  const usage = (busy: number) => ({
    items: [
      { client_id: "ak_IDLE", points: [{ start, issued: 1, denied: 0 }] },
      { client_id: "ak_BUSY", points: [{ start, issued: busy, denied: 0 }] },
    ],
  });
  server.use(http.get(at("/v1/usage"), () => HttpResponse.json(usage(1))));
  const { result } = renderQueryHook(() => useQuery(listUsageQuery(["ak_IDLE", "ak_BUSY"])));
  await waitFor(() => expect(result.current.data).toBeDefined());
  const before = result.current.data;

  server.use(http.get(at("/v1/usage"), () => HttpResponse.json(usage(2))));
  await act(() => result.current.refetch());
  await waitFor(() => expect(result.current.data?.get("ak_BUSY")?.[0]?.issued).toBe(2));
  expect(result.current.data?.get("ak_IDLE")).toBe(before?.get("ak_IDLE"));
});
