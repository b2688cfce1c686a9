import { act, screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import type { ReactNode } from "react";
import { expect, it } from "vitest";
import { sessionQuery } from "@/features/session/session-query";
import { apiKey, catalogue, session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { apiKeyQueryKeys } from "../api/api-key";
import { useDeleteApiKey } from "../api/delete-api-key";
import { KeyPage } from "../detail/key-page";
import { keyPageDefaults } from "../detail/key-page-search";
import { EditPage } from "../form/edit-page";

const detail = apiKeyQueryKeys.detail("ak_EXAMPLE");

/** Opens a screen about a key that was read a minute ago and for which the service now answers with an error status. */
function openAfter(screenOfKey: ReactNode, status: number) {
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, session);
  queryClient.setQueryData(detail, { key: apiKey(), etag: '"1"' }, { updatedAt: Date.now() - 60_000 });
  server.use(
    http.get(at("/.well-known/oauth-authorization-server"), () => HttpResponse.json({ issuer: "https://example.com" })),
    http.get(at("/v1/scopes"), () => HttpResponse.json(catalogue)),
    http.get(at("/v1/api-keys/ak_EXAMPLE/usage"), () => HttpResponse.json({ code: "unknown" }, { status: 403 })),
    http.get(at("/v1/api-keys/ak_EXAMPLE"), () => HttpResponse.json({ code: "unknown" }, { status })),
    http.delete(at("/v1/api-keys/ak_EXAMPLE"), () => new HttpResponse(null, { status: 204 })),
  );
  renderInConsole(screenOfKey, queryClient);
  return queryClient;
}

const page = (
  <KeyPage
    clientId="ak_EXAMPLE"
    search={keyPageDefaults}
    onSearch={() => {}}
    onDeleted={() => {}}
    history={() => null}
  />
);

it("a key that was deleted meanwhile is not shown as it was", async () => {
  openAfter(page, 404);
  expect(await screen.findByText("This API key does not exist")).toBeVisible();
  expect(screen.queryByText("ERP integration")).toBeNull();
});

it("a key that can't be refreshed is shown as it was, and that it is", async () => {
  openAfter(page, 403);
  expect(await screen.findByText("This API key could not be refreshed")).toBeVisible();
  expect(screen.getByRole("heading", { name: "ERP integration" })).toBeVisible();
});

it("an edit doesn't start from what was read earlier when it can't be read now", async () => {
  openAfter(<EditPage clientId="ak_EXAMPLE" onDone={() => {}} />, 403);
  expect(await screen.findByText("This API key could not be loaded")).toBeVisible();
  expect(screen.queryByRole("textbox")).toBeNull();
});

it("nothing is left of a key that was deleted while something looked at it", async () => {
  let remove = (_clientId: string) => {};
  function Deletion() {
    remove = useDeleteApiKey().mutate;
    return page;
  }
  const queryClient = openAfter(<Deletion />, 403);
  await screen.findByText("This API key could not be refreshed");
  act(() => remove("ak_EXAMPLE"));
  await waitFor(() => expect(queryClient.getQueryData(detail)).toBeUndefined());
});
