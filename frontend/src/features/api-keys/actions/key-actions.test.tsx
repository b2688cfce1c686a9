import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { afterEach, expect, it, vi } from "vitest";
import { toaster } from "@/shared/ui/toaster-store";
import { apiKey } from "@/test/fixtures";
import { gate } from "@/test/gate";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import { useKeyActions } from "./key-actions";

afterEach(() => toaster.clear());

function Screen() {
  const { actions, dialogs } = useKeyActions({ onDeleted: () => undefined });
  return (
    <>
      {["Billing", "Reports"].map((name) => (
        <button
          key={name}
          type="button"
          onClick={() => actions.setStatus(apiKey({ client_id: `ak_${name}`, name }), "active")}
        >
          {name}
        </button>
      ))}
      {dialogs}
    </>
  );
}

it("tells how each change of a status ended, one that another came after, too", async () => {
  const { opened, open } = gate();
  server.use(
    http.post(at("/v1/api-keys/:key/activate"), async () => {
      await opened;
      return HttpResponse.json(apiKey());
    }),
  );
  renderInConsole(<Screen />);
  await userEvent.click(screen.getByRole("button", { name: "Billing" }));
  await userEvent.click(screen.getByRole("button", { name: "Reports" }));
  open();
  expect(await screen.findByText("“Billing” is active.")).toBeVisible();
  expect(await screen.findByText("“Reports” is active.")).toBeVisible();
});

it("makes one change of a key's status at a time", async () => {
  const { opened, open } = gate();
  const changes = vi.fn();
  server.use(
    http.post(at("/v1/api-keys/:key/activate"), async () => {
      changes();
      await opened;
      return HttpResponse.json(apiKey());
    }),
  );
  renderInConsole(<Screen />);
  const button = screen.getByRole("button", { name: "Billing" });
  await userEvent.click(button);
  await userEvent.click(button);
  open();
  await screen.findByText("“Billing” is active.");
  expect(changes).toHaveBeenCalledOnce();
  await userEvent.click(button);
  await waitFor(() => expect(changes).toHaveBeenCalledTimes(2));
});
