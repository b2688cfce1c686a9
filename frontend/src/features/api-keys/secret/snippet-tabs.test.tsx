import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import { SnippetTabs } from "./snippet-tabs";

it("offers no snippet with an address that may be wrong, but to try again", async () => {
  const metadata = at("/.well-known/oauth-authorization-server");
  server.use(http.get(metadata, () => new HttpResponse(null, { status: 503 })));
  renderInConsole(<SnippetTabs clientId="ak_EXAMPLE" />);
  const retry = await screen.findByRole("button", { name: "Try again" });
  expect(screen.queryByRole("tab")).toBeNull();

  server.use(http.get(metadata, () => HttpResponse.json({ issuer: "https://keys.example.com" })));
  await userEvent.click(retry);
  expect(await screen.findByRole("tabpanel")).toHaveTextContent("https://keys.example.com/oauth2/token");
});
