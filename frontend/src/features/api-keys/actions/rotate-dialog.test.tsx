import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { apiKey, secret } from "@/test/fixtures";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import RotateDialog from "./rotate-dialog";

it("shows the problem of what was tried last alone", async () => {
  const key = apiKey({ secrets: [secret("sec_NEW1", null), secret("sec_OLD1", "2036-11-21T12:00:00Z")] });
  const broken = (requestId: string) => () =>
    HttpResponse.json({ code: "internal/error" }, { status: 500, headers: { "X-Request-Id": requestId } });
  server.use(
    http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json(key)),
    http.get(at("/v1/api-keys/ak_EXAMPLE/usage"), () => new HttpResponse(null, { status: 503 })),
    http.post(at("/v1/api-keys/ak_EXAMPLE/rotate-secret"), broken("req_ROTATE")),
    http.delete(at("/v1/api-keys/ak_EXAMPLE/secrets/sec_OLD1"), broken("req_RETIRE")),
  );
  renderInConsole(<RotateDialog apiKey={key} onClose={vi.fn()} onIssued={vi.fn()} />);

  await userEvent.click(await screen.findByRole("button", { name: "Generate new client secret" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("req_ROTATE");
  await userEvent.click(screen.getByRole("button", { name: "Retire now" }));
  expect(await screen.findByText("req_RETIRE")).toBeVisible();
  expect(screen.getAllByRole("alert")).toHaveLength(1);
  expect(screen.queryByText("req_ROTATE")).toBeNull();

  await userEvent.click(screen.getByRole("button", { name: "Generate new client secret" }));
  expect(await screen.findByText("req_ROTATE")).toBeVisible();
  expect(screen.queryByText("req_RETIRE")).toBeNull();
});
