import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { type HttpHandler, HttpResponse, http } from "msw";
import { useState } from "react";
import { expect, it, vi } from "vitest";
import { type Session, sessionQuery } from "@/features/session/session-query";
import { apiKey, session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { type AuditSearch, auditDefaults } from "../audit-search";
import { AuditFilters } from "./audit-filters";

function open(search: Partial<AuditSearch>, role: Session["operator"]["role"] = "admin", ...known: HttpHandler[]) {
  server.use(
    ...known,
    http.get(at("/v1/*"), () => HttpResponse.json({ code: "unknown" }, { status: 403 })),
  );
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, { ...session, operator: { ...session.operator, role } });
  const onChange = vi.fn();
  function Filters() {
    const [present, setPresent] = useState({ ...auditDefaults, ...search });
    onChange.mockImplementation(setPresent);
    return <AuditFilters search={present} onChange={onChange} />;
  }
  renderInConsole(<Filters />, queryClient);
  return { onChange };
}

it("a day can be typed, digit by digit, and is applied once it can be meant", () => {
  const { onChange } = open({ period: "custom" });
  const field = screen.getByLabelText("From");
  for (const year of ["0002", "0020", "0202"]) {
    fireEvent.change(field, { target: { value: `${year}-11-23` } });
    expect(field).toHaveValue(`${year}-11-23`);
  }
  expect(onChange).not.toHaveBeenCalled();
  fireEvent.change(field, { target: { value: "2026-11-23" } });
  expect(onChange).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ from: "2026-11-23" }), { replace: true });

  fireEvent.change(field, { target: { value: "0202-11-23" } });
  fireEvent.blur(field);
  expect(field).toHaveValue("");
});

it.each([
  ["From", "2026-11-30", "To", "2026-12-10", { from: "2026-11-30", to: "2026-12-10" }],
  ["To", "2026-11-01", "From", "2026-10-20", { from: "2026-10-20", to: "2026-11-01" }],
])("days of which the last is before the first are told, and applied once they are not: %s first", (...each) => {
  const [one, first, other, second, applied] = each;
  const { onChange } = open({ period: "custom", from: "2026-11-20", to: "2026-11-25" });
  const type = (label: string, day: string) => {
    fireEvent.change(screen.getByLabelText(label), { target: { value: day } });
    fireEvent.blur(screen.getByLabelText(label));
  };
  type(one, first);
  expect(onChange).not.toHaveBeenCalled();
  expect(screen.getByLabelText(one)).toHaveValue(first);
  expect(screen.getByLabelText(one)).toBeInvalid();
  expect(screen.getByLabelText(one)).toHaveAccessibleErrorMessage(/^The last day is before the first/);

  type(other, second);
  expect(onChange).toHaveBeenCalledWith(expect.objectContaining(applied), { replace: true });
  expect(screen.queryByRole("alert")).not.toBeInTheDocument();
});

it("every key is offered again once one is chosen, by a link or here", async () => {
  const keys = ["Alpha", "Beta", "Gamma"].map((name) => apiKey({ client_id: `ak_${name}`, name }));
  const list = http.get(at("/v1/api-keys"), ({ request }) => {
    const search = new URL(request.url).searchParams.get("search") ?? "";
    return HttpResponse.json({ items: keys.filter((key) => key.name.includes(search) || key.client_id === search) });
  });
  const { onChange } = open({ key: "ak_Beta" }, "admin", list);
  const field = screen.getByRole("combobox", { name: "API key" });
  const offered = async (names: string[]) => {
    await userEvent.click(field);
    const options = within(await screen.findByRole("listbox"));
    await waitFor(() => expect(options.getAllByRole("option").map((each) => each.textContent)).toEqual(names));
    return options;
  };
  await waitFor(() => expect(field).toHaveValue("Beta"));
  await offered(["Alpha", "Beta", "Gamma"]);

  await userEvent.clear(field);
  await userEvent.type(field, "Ga");
  const options = await offered(["Beta", "Gamma"]);
  await userEvent.click(options.getByRole("option", { name: "Gamma" }));
  expect(onChange).toHaveBeenLastCalledWith(expect.objectContaining({ key: "ak_Gamma" }));
  await waitFor(() => expect(field).toHaveValue("Gamma"));
  await offered(["Alpha", "Beta", "Gamma"]);
});

it.each([
  ["admin", true],
  ["editor", false],
  ["readonly", false],
] as const)("%s is offered the events that they are shown", (role, all) => {
  open({}, role);
  const offered = within(screen.getByLabelText("What"))
    .getAllByRole("option")
    .map((option) => option.textContent);
  expect(offered).toEqual(expect.arrayContaining(["API key created", "Tokens revoked", "One token revoked"]));
  for (const name of ["Sign-in failed", "Signing key created", "Old events removed"]) {
    expect(offered.includes(name)).toBe(all);
  }
});

it("an action that a link names is told as it is to those to whom it is offered", () => {
  open({ action: "operator.signed-in" }, "editor");
  expect(screen.getByLabelText("What")).toHaveDisplayValue("Signed in");
});

it("a search for keys that fails is not said to have found none", async () => {
  open({}, "readonly");
  await userEvent.click(screen.getByRole("combobox", { name: "API key" }));
  expect(await screen.findByText("The keys could not be loaded")).toBeVisible();
  expect(screen.queryByText("No key matches")).toBeNull();
});
