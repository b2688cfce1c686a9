import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { ConfirmDialog } from "./confirm-dialog";
import { useKeptFocus } from "./kept-focus";

function Screen() {
  useKeptFocus();
  const [dialogs, setDialogs] = useState(0);
  const [gone, setGone] = useState<string[]>([]);
  const vanishing = (name: string) =>
    !gone.includes(name) && (
      <button type="button" onClick={() => setGone([...gone, name])}>
        {name}
      </button>
    );
  return (
    <main id="main" tabIndex={-1}>
      <button type="button" onClick={() => setDialogs(1)}>
        ask
      </button>
      {vanishing("first")}
      {vanishing("second")}
      <button type="button">last</button>
      {dialogs > 0 && (
        <ConfirmDialog title="Sure?" confirm="more" onConfirm={() => setDialogs(2)} onClose={() => setDialogs(0)}>
          {vanishing("inside")}
        </ConfirmDialog>
      )}
      {dialogs > 1 && (
        <ConfirmDialog
          nested
          title="Really?"
          cancel="back"
          confirm="all"
          onConfirm={() => setDialogs(0)}
          onClose={() => setDialogs(1)}
        >
          …
        </ConfirmDialog>
      )}
    </main>
  );
}

const button = (name: string) => screen.getByRole("button", { name });
const focused = (element: HTMLElement) => vi.waitFor(() => expect(element).toHaveFocus());

/** Waits for longer than the focus hook does. */
const pause = () => act(() => new Promise((resolve) => setTimeout(resolve, 120)));

function open() {
  renderInConsole(<Screen />);
  return userEvent.setup();
}

describe("the focus", () => {
  it("returns to what opened a dialog, and from a dialog above it to the one below", async () => {
    const user = open();
    await user.click(button("ask"));
    await focused(button("Cancel"));
    await user.click(button("more"));
    await focused(button("back"));
    await user.keyboard("{Escape}");
    await focused(button("more"));
    await user.keyboard("{Escape}");
    await focused(button("ask"));
  });

  it("returns to the stop before a button that vanishes when it is pressed", async () => {
    const user = open();
    await user.tab();
    await user.tab();
    await user.tab();
    expect(button("second")).toHaveFocus();
    await user.keyboard("{Enter}");
    await focused(button("first"));
    await user.keyboard("{Enter}");
    await focused(button("ask"));
  });

  it("stays in a dialog when what held it vanishes there", async () => {
    const user = open();
    await user.click(button("ask"));
    await focused(button("Cancel"));
    await user.click(button("inside"));
    await focused(button("Cancel"));
  });

  it("goes to the page when nothing is left of where it was", async () => {
    const user = open();
    await user.click(button("first"));
    await focused(screen.getByRole("main"));
  });

  it("stays where another place has taken it", async () => {
    const user = open();
    await user.click(button("first"));
    act(() => button("last").focus());
    await pause();
    expect(button("last")).toHaveFocus();
  });

  it("is not brought back to what was left by a click", async () => {
    const user = open();
    await user.click(button("second"));
    await focused(screen.getByRole("main"));
    act(() => button("first").focus());
    await user.click(document.body);
    expect(document.body).toHaveFocus();
    act(() => document.getElementById("main")?.append(document.createElement("p")));
    await pause();
    expect(document.body).toHaveFocus();
  });
});
