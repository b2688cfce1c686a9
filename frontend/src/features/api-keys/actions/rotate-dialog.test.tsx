import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { delay, HttpResponse, http } from "msw";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { toaster } from "@/shared/ui/toaster-store";
import { apiKey, secret } from "@/test/fixtures";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import RotateDialog from "./rotate-dialog";

const current = secret("sec_NEW1", null);
const key = apiKey({ secrets: [current, secret("sec_OLD1", "2036-11-21T12:00:00Z")] });

beforeEach(() => {
  server.use(
    http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json(key)),
    http.get(at("/v1/api-keys/ak_EXAMPLE/usage"), () => new HttpResponse(null, { status: 503 })),
  );
});

afterEach(() => toaster.clear());

function open() {
  const onClose = vi.fn();
  renderInConsole(<RotateDialog apiKey={key} onClose={onClose} onIssued={vi.fn()} />);
  return { onClose };
}

const button = (name: string) => screen.getByRole("button", { name });
const question = () => screen.getByRole("dialog", { name: "Retire the old client secret?" });

const broken = (requestId: string) => () =>
  HttpResponse.json({ code: "internal/error" }, { status: 500, headers: { "X-Request-Id": requestId } });

it("asks before it retires the old secret, which makes room for a new one", async () => {
  const retired = vi.fn(() => {
    server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json({ ...key, secrets: [current] })));
    return new HttpResponse(null, { status: 204 });
  });
  server.use(http.delete(at("/v1/api-keys/ak_EXAMPLE/secrets/sec_OLD1"), retired));
  const { onClose } = open();

  await userEvent.click(button("Retire now"));
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(screen.getAllByRole("dialog")).toHaveLength(1));
  expect(retired).not.toHaveBeenCalled();
  expect(onClose).not.toHaveBeenCalled();

  await userEvent.click(button("Retire now"));
  await userEvent.click(within(question()).getByRole("button", { name: "Retire now" }));
  expect(await screen.findByText("The client secret ending in OLD1 no longer works.")).toBeVisible();
  expect(retired).toHaveBeenCalledOnce();
  await waitFor(() => expect(screen.getAllByRole("dialog")).toHaveLength(1));
  expect(screen.getByRole("radio", { name: /24 hours/ })).toBeChecked();
});

it("says that both secrets end when there are two", () => {
  open();
  expect(screen.getByRole("radio", { name: /^Replace now/ })).toHaveTextContent("Both current secrets and all tokens");
});

it("shows no problem of a new secret beside the question about the old one", async () => {
  server.use(http.post(at("/v1/api-keys/ak_EXAMPLE/rotate-secret"), broken("req_ROTATE")));
  open();
  await userEvent.click(button("Generate new client secret"));
  expect(await screen.findByRole("alert")).toHaveTextContent("req_ROTATE");
  await userEvent.click(button("Retire now"));
  expect(question()).toBeVisible();
  expect(screen.queryByRole("alert")).toBeNull();
});

it("retires nothing while a new secret is on its way", async () => {
  server.use(
    http.post(at("/v1/api-keys/ak_EXAMPLE/rotate-secret"), async () => {
      await delay("infinite");
    }),
  );
  open();
  await userEvent.click(button("Generate new client secret"));
  expect(button("Retire now")).toBeDisabled();
});
