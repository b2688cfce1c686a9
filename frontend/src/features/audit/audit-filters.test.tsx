import { fireEvent, screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { sessionQuery } from "@/features/session/session-query";
import { session } from "@/test/fixtures";
import { renderInConsole, testQueryClient } from "@/test/render";
import { at, server } from "@/test/server";
import { AuditFilters } from "./audit-filters";
import { auditDefaults } from "./audit-search";

it("a day can be typed, digit by digit, and is applied once it can be meant", () => {
  server.use(http.get(at("/v1/*"), () => HttpResponse.json({ code: "unknown" }, { status: 403 })));
  const queryClient = testQueryClient();
  queryClient.setQueryData(sessionQuery.queryKey, session);
  const onChange = vi.fn();
  renderInConsole(<AuditFilters search={{ ...auditDefaults, period: "custom" }} onChange={onChange} />, queryClient);
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
