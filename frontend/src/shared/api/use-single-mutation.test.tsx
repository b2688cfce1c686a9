import { act, waitFor } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { renderQueryHook } from "@/test/render";
import { useSingleMutation } from "./use-single-mutation";

it("drops what is asked for while it is under way, and goes on afterwards, also after a failure", async () => {
  const mutationFn = vi.fn((name: string) => Promise.reject(new Error(name)));
  const { result } = renderQueryHook(() => useSingleMutation({ mutationFn }));
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
