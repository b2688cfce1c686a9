import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { sessionQuery } from "@/features/session/session-query";
import { apiKey, session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import type { ApiKeyPage } from "../api/api-key";
import { apiKeysQuery } from "../api/list-api-keys";
import { ListPage } from "./list-page";
import { listDefaults } from "./list-search";
import { ListToolbar } from "./list-toolbar";

/** A page of a list with more keys than the service counts. */
function keysOf(page: number, items: number): ApiKeyPage {
  return {
    items: Array.from({ length: items }, (_, index) => apiKey({ client_id: `ak_${page}_${index}` })),
    meta: { page, page_size: 10, total: 10_000, total_capped: true },
  };
}

function open(found: ApiKeyPage, known?: ApiKeyPage) {
  server.use(http.get(at("/v1/api-keys"), () => HttpResponse.json(found)));
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, session);
  const search = { ...listDefaults, status: "active", page: found.meta.page } as const;
  if (known) queryClient.setQueryData(apiKeysQuery({ ...search, page: known.meta.page }).queryKey, known);
  const onChange = vi.fn();
  renderInConsole(<ListPage search={search} onChange={onChange} />, queryClient);
  return { search, onChange };
}

it("the list goes on where the service has stopped counting", async () => {
  const { onChange } = open(keysOf(1001, 10));
  expect(await screen.findByRole("navigation", { name: "Pages" })).toHaveTextContent("10,001–10,010 of 10,010+");
  expect(screen.getByRole("link", { name: "Next page" })).toBeInTheDocument();
  expect(onChange).not.toHaveBeenCalled();
});

it.each([
  ["the page that one comes from", keysOf(1234, 10), 1234],
  ["one that must exist, for a link", undefined, 1001],
])("after the end of such a list stands %s", async (_what, known, page) => {
  const { search, onChange } = open(keysOf(1235, 0), known);
  await waitFor(() => expect(onChange).toHaveBeenCalledExactlyOnceWith({ ...search, page }, { replace: true }));
});

it.each([
  ["editor", "Add the first one"],
  ["readonly", "An editor or administrator can add the first one"],
] as const)("where there is no key, an operator with the role %s learns who can add one", async (role, text) => {
  const none = { items: [], meta: { page: 1, page_size: 10, total: 0, total_capped: false } };
  server.use(http.get(at("/v1/api-keys"), () => HttpResponse.json(none)));
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, { ...session, operator: { ...session.operator, role } });
  renderInConsole(<ListPage search={listDefaults} onChange={vi.fn()} />, queryClient);
  expect(await screen.findByText(new RegExp(`^${text}`))).toBeVisible();
});

it("the menu of narrow windows says how the list is sorted, and offers every other way", async () => {
  const onChange = vi.fn();
  const search = { ...listDefaults, sort_order: "ASC" } as const;
  renderInConsole(<ListToolbar search={search} withSorting cleared={0} onChange={onChange} onSearch={vi.fn()} />);
  const menu = screen.getByRole("combobox", { name: "Sort by" });
  expect(menu).toHaveDisplayValue("Oldest first");
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual([
    "Name, A to Z",
    "Name, Z to A",
    "Newest first",
    "Oldest first",
    "Most recently used first",
    "Least recently used first",
  ]);
  await userEvent.selectOptions(menu, "Name, Z to A");
  expect(onChange).toHaveBeenCalledExactlyOnceWith({ sort_field: "name", sort_order: "DESC" });
});
