import { expect, it } from "vitest";
import { event } from "@/test/fixtures";
import { renderInConsole } from "@/test/render";
import { EventRow } from "./event-row";

it("a sign-in that was refused looks as bad as one that failed", () => {
  for (const action of ["operator.sign-in-failed", "operator.sign-in-refused"]) {
    const refused = event({
      action,
      subject: { kind: "operator", id: "" },
      after: { reason: "no-role", email: "rui@example.com" },
    });
    const { container, unmount } = renderInConsole(<EventRow event={refused} names={new Map()} linked />);
    expect(container.querySelector("[data-tone]")).toHaveAttribute("data-tone", "bad");
    unmount();
  }
});
