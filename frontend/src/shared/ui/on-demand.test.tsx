import { screen, waitFor } from "@testing-library/react";
import { type ReactNode, useState } from "react";
import { afterEach, expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { whenShown } from "./on-demand";
import { toaster } from "./toaster-store";

afterEach(() => toaster.clear());

interface DialogProps {
  onClose: () => void;
  children?: ReactNode;
}

it("what can't be fetched leaves the page as it is, is told about, and is asked for again the next time", async () => {
  const load = vi.fn(async () => ({ default: (_: DialogProps) => <p>the dialog</p> }));
  load.mockRejectedValueOnce(new TypeError("no chunk"));
  const Dialog = whenShown(load);
  function Page() {
    const [open, setOpen] = useState(false);
    return (
      <>
        <button type="button" aria-expanded={open} onClick={() => setOpen(true)}>
          open
        </button>
        {open && <Dialog onClose={() => setOpen(false)} />}
      </>
    );
  }
  renderInConsole(<Page />);
  const button = screen.getByRole("button", { name: "open" });
  button.click();
  expect(await screen.findByText(/could not be loaded/)).toBeVisible();
  await waitFor(() => expect(button).toHaveAttribute("aria-expanded", "false"));
  button.click();
  expect(await screen.findByText("the dialog")).toBeVisible();
});
