import { expect, it } from "vitest";
import { renderInConsole } from "@/test/render";
import { EventRow } from "./event-row";

it("a sign-in that was refused looks as bad as one that failed", () => {
  for (const action of ["operator.sign-in-failed", "operator.sign-in-refused"]) {
    const event = {
      seq: 7,
      at: "2026-11-23T12:00:00Z",
      action,
      actor: { kind: "stranger", id: "", name: "" },
      ip: "",
      user_agent: "",
      request_id: "",
      subject: { kind: "operator", id: "" },
      before: null,
      after: { reason: "no-role", email: "rui@example.com" },
      hash: "",
    } as const;
    const { container, unmount } = renderInConsole(<EventRow event={event} names={new Map()} linked />);
    expect(container.querySelector("[data-tone]")).toHaveAttribute("data-tone", "bad");
    unmount();
  }
});
