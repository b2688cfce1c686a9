import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { Dialog } from "./dialog";
import { Hint } from "./hint";

afterEach(() => void vi.useRealTimers());

it("Escape puts a hint away, and only then closes the dialog around it", async () => {
  const onClose = vi.fn();
  const user = userEvent.setup();
  renderInConsole(
    <Dialog title="Sessions" onClose={onClose}>
      <Hint<HTMLSpanElement> label="2026-11-23 12:00">{(target) => <span {...target}>a while ago</span>}</Hint>
    </Dialog>,
  );
  await user.hover(screen.getByText("a while ago"));
  expect(await screen.findByText("2026-11-23 12:00")).toBeInTheDocument();
  await user.keyboard("{Escape}");
  expect(onClose).not.toHaveBeenCalled();
  await waitFor(() => expect(screen.queryByText("2026-11-23 12:00")).not.toBeInTheDocument());
  await user.keyboard("{Escape}");
  expect(onClose).toHaveBeenCalledOnce();
});

it("a hint stays while it is pointed at itself", async () => {
  renderInConsole(<Hint<HTMLSpanElement> label="2026-11-23 12:00">{(target) => <span {...target}>then</span>}</Hint>);
  const user = userEvent.setup();
  await user.hover(screen.getByText("then"));
  const hint = await screen.findByText("2026-11-23 12:00");
  vi.useFakeTimers();
  fireEvent.mouseLeave(screen.getByText("then"));
  act(() => vi.advanceTimersByTime(100));
  fireEvent.mouseOver(hint);
  act(() => vi.advanceTimersByTime(1000));
  expect(screen.getByText("then")).toHaveAccessibleDescription("2026-11-23 12:00");
  fireEvent.mouseOut(hint);
  act(() => vi.advanceTimersByTime(1000));
  expect(screen.getByText("then")).not.toHaveAccessibleDescription();
});
