import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { useState } from "react";
import { afterEach, expect, it } from "vitest";
import { toaster } from "@/shared/ui/toaster-store";
import { apiKey, secret } from "@/test/fixtures";
import { gate } from "@/test/gate";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import { GraceControls } from "./grace-controls";

afterEach(() => toaster.clear());

const current = secret("sec_NEW1", null);
const old = secret("sec_OLD1", "2036-11-21T12:00:00Z");
const key = apiKey({ secrets: [current, old] });

function Screen() {
  const [here, setHere] = useState(true);
  return (
    <>
      {here && <GraceControls apiKey={key} old={old} />}
      <button type="button" onClick={() => setHere(false)}>
        Leave
      </button>
    </>
  );
}

it.each([
  {
    how: "was refused",
    answer: () => HttpResponse.json({ code: "authorization/forbidden" }, { status: 403 }),
    told: /role/,
  },
  {
    how: "was made, with the time of the service's clock",
    answer: () => HttpResponse.json({ ...key, secrets: [current, { ...old, expires_at: "2041-03-05T12:00:00Z" }] }),
    told: /ending in OLD1 works until .*2041/,
  },
])("tells whoever has left the page that the change $how", async ({ answer, told }) => {
  const { opened, open } = gate();
  server.use(
    http.patch(at("/v1/api-keys/ak_EXAMPLE/secrets/sec_OLD1"), async () => {
      await opened;
      return answer();
    }),
  );
  renderInConsole(<Screen />);
  await userEvent.click(screen.getByRole("button", { name: "7 days" }));
  await userEvent.click(screen.getByRole("button", { name: "Leave" }));
  open();
  expect(await screen.findByText(told)).toBeVisible();
});
