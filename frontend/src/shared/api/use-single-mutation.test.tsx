import { QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, it, vi } from "vitest";
import { testQueryClient } from "@/test/render";
import { useSingleMutation } from "./use-single-mutation";

it("drops what is asked for while it is under way, and goes on afterwards, also after a failure", async () => {
  const queryClient = testQueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
  );
  const mutationFn = vi.fn((name: string) => Promise.reject(new Error(name)));
  const { result } = renderHook(() => useSingleMutation({ mutationFn }), { wrapper });
  const sent = () => mutationFn.mock.calls.map(([name]) => name);
  const { mutate } = result.current;

  act(() => {
    mutate("first");
    mutate("again");
  });
  await waitFor(() => expect(result.current.isError).toBe(true));
  expect(sent()).toEqual(["first"]);
  act(() => mutate("second"));
  await waitFor(() => expect(result.current.error?.message).toBe("second"));
  expect(sent()).toEqual(["first", "second"]);
});
