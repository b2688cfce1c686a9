import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { type Session, sessionQuery } from "@/features/session/session-query";
import { operator, session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import type { Operator } from "./api/operators";
import { OperatorsPage } from "./operators-page";

function open(operators: Operator[], role: Session["operator"]["role"] = "admin") {
  server.use(http.get(at("/v1/operators"), () => HttpResponse.json({ items: operators })));
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, { ...session, operator: { ...session.operator, role } });
  renderInConsole(<OperatorsPage />, queryClient);
}

it("leads on whoever may not see the operators", () => {
  open([], "editor");
  expect(screen.getByRole("link", { name: "Go to API Keys" })).toBeVisible();
});

it("says how operators sign in where not all have a password", async () => {
  open([
    operator({ id: "eva@example.com", email: "eva@example.com" }),
    operator({ id: "rui@example.com", email: "rui@example.com", sign_in_method: "oidc" }),
  ]);
  expect(await screen.findByRole("rowheader", { name: /eva/ })).toHaveTextContent("Password");
  expect(screen.getByRole("rowheader", { name: /rui/ })).toHaveTextContent("Single sign-on");
});

it("doesn't say that everybody has a password", async () => {
  open([
    operator({ id: "eva@example.com", email: "eva@example.com" }),
    operator({ id: "rui@example.com", email: "rui@example.com" }),
  ]);
  expect(await screen.findByRole("rowheader", { name: /eva/ })).not.toHaveTextContent("Password");
});

it.each([
  [
    "is not red where the password works on",
    "Reset password",
    operator({ id: "eva@example.com", email: "eva@example.com" }),
    false,
  ],
  [
    "is red where it ends an earlier one",
    "New invitation link",
    operator({ id: "eva@example.com", email: "eva@example.com", status: "invited" }),
    true,
  ],
])("the button that makes a link %s", async (_what, action, of, red) => {
  open([of]);
  await userEvent.click(await screen.findByRole("button", { name: "Actions for eva@example.com" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: action }));
  const style = screen.getByRole("button", { name: "Create link" }).getAttribute("style") ?? "";
  expect(style.includes("red")).toBe(red);
});
