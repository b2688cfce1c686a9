import { act, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { toaster } from "./toaster-store";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  toaster.clear();
  vi.useRealTimers();
});

it("a message stays while it is focused, and the next one goes by itself once that was dismissed", () => {
  renderInConsole(null);
  act(() => void toaster.show({ tone: "success", message: "first" }));
  const dismiss = screen.getByRole("button", { name: "Dismiss message" });
  act(() => dismiss.focus());
  act(() => vi.advanceTimersByTime(60_000));
  expect(screen.getByText("first")).toBeVisible();

  fireEvent.click(dismiss);
  act(() => void toaster.show({ tone: "success", message: "second" }));
  act(() => vi.advanceTimersByTime(60_000));
  expect(screen.queryByText("second")).toBeNull();
});

it("an error stays until it was read, however many messages of success follow", () => {
  renderInConsole(null);
  act(() => void toaster.show({ tone: "error", message: "failed" }));
  for (const message of ["first", "second", "third", "fourth"]) {
    act(() => void toaster.show({ tone: "success", message }));
  }
  expect(screen.getByText("failed")).toBeVisible();
  expect(screen.getAllByRole("button", { name: "Dismiss message" })).toHaveLength(3);
  expect(screen.getByText("fourth")).toBeVisible();
});

it.each(["success", "error"] as const)("a message of %s is said by one live region alone", (tone) => {
  renderInConsole(null);
  act(() => void toaster.show({ tone, message: "done" }));
  const regions = [...document.querySelectorAll("[aria-live], [role=status], [role=alert]")];
  expect(regions.filter((region) => region.contains(screen.getByText("done")))).toHaveLength(1);
});
