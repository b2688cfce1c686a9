import { focusManager } from "@tanstack/react-query";
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

afterEach(() => {
  toaster.clear();
  focusManager.setFocused(undefined);
});

function open(apiKeyShown = key) {
  const onClose = vi.fn();
  renderInConsole(<RotateDialog apiKey={apiKeyShown} onClose={onClose} onIssued={vi.fn()} />);
  return { onClose };
}

const button = (name: string) => screen.getByRole("button", { name });
/** Chooses what is left while there are two secrets. */
async function replaceNow() {
  await userEvent.click(screen.getByRole("radio", { name: /^Replace now/ }));
  await waitFor(() => expect(button("Generate new client secret")).toBeEnabled());
  await userEvent.click(button("Generate new client secret"));
}

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
  await replaceNow();
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
  await replaceNow();
  expect(button("Retire now")).toBeDisabled();
});

it("never chooses by itself to end both secrets when somebody else has rotated meanwhile", async () => {
  const opened = apiKey({ secrets: [current] });
  server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json(opened)));
  open(opened);
  expect(screen.getByRole("radio", { name: /24 hours/ })).toBeChecked();
  await waitFor(() => expect(button("Generate new client secret")).toBeEnabled());

  server.use(http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json(key)));
  focusManager.setFocused(false);
  focusManager.setFocused(true);
  expect(await screen.findByText(/Only two secrets can be valid/)).toBeVisible();
  for (const choice of screen.getAllByRole("radio")) expect(choice).not.toBeChecked();
  expect(button("Generate new client secret")).toBeDisabled();
});

it("rotates the version that it shows, and shows the newer one when the service refuses", async () => {
  const versions: (string | null)[] = [];
  server.use(
    http.get(at("/v1/api-keys/ak_EXAMPLE"), () =>
      HttpResponse.json(key, { headers: { ETag: `"${versions.length}"` } }),
    ),
    http.post(at("/v1/api-keys/ak_EXAMPLE/rotate-secret"), ({ request }) => {
      versions.push(request.headers.get("If-Match"));
      return HttpResponse.json({ code: "api-key/precondition-failed" }, { status: 412 });
    }),
  );
  open();
  await replaceNow();
  expect(await screen.findByRole("alert")).toHaveTextContent("The key has changed since you opened it.");
  await waitFor(() => expect(button("Generate new client secret")).toBeEnabled());
  await userEvent.click(button("Generate new client secret"));
  await waitFor(() => expect(versions).toEqual(['"0"', '"1"']));
});
