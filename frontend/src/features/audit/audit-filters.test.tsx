import { fireEvent, screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { type Session, sessionQuery } from "@/features/session/session-query";
import { session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { AuditFilters } from "./audit-filters";
import { type AuditSearch, auditDefaults } from "./audit-search";

function open(search: Partial<AuditSearch>, role: Session["operator"]["role"] = "admin") {
  server.use(http.get(at("/v1/*"), () => HttpResponse.json({ code: "unknown" }, { status: 403 })));
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, { ...session, operator: { ...session.operator, role } });
  const onChange = vi.fn();
  renderInConsole(<AuditFilters search={{ ...auditDefaults, ...search }} onChange={onChange} />, queryClient);
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
