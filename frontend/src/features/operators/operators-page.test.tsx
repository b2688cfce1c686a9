import { screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { type Session, sessionQuery } from "@/features/session/session-query";
import { session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { OperatorsPage } from "./operators-page";

function open(role: Session["operator"]["role"]) {
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, { ...session, operator: { ...session.operator, role } });
  renderInConsole(<OperatorsPage />, queryClient);
}

it("leads on whoever may not see the operators", () => {
  open("editor");
  expect(screen.getByRole("link", { name: "Go to API Keys" })).toBeVisible();
});
