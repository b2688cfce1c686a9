import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { apiKey } from "@/test/fixtures";
import { gate } from "@/test/gate";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import DeleteDialog from "./delete-dialog";

it("deletes nothing before it is known whether the key has come into use since it was listed", async () => {
  const { opened, open } = gate();
  server.use(
    http.get(at("/v1/api-keys/ak_EXAMPLE"), async () => {
      await opened;
      return HttpResponse.json(apiKey({ last_used_at: new Date().toISOString() }));
    }),
  );
  renderInConsole(<DeleteDialog apiKey={apiKey({ last_used_at: null })} onClose={vi.fn()} onDeleted={vi.fn()} />);
  const button = screen.getByRole("button", { name: "Delete API key" });
  expect(button).toBeDisabled();
  open();
  const name = await screen.findByRole("textbox", { name: /to confirm/ });
  expect(button).toBeDisabled();
  await userEvent.type(name, apiKey().name);
  expect(button).toBeEnabled();
});

it("does not need an answer about the use of the key", async () => {
  server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => new HttpResponse(null, { status: 503 })));
  renderInConsole(<DeleteDialog apiKey={apiKey({ last_used_at: null })} onClose={vi.fn()} onDeleted={vi.fn()} />);
  await waitFor(() => expect(screen.getByRole("button", { name: "Delete API key" })).toBeEnabled());
});
