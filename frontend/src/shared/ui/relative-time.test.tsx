import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { renderInConsole } from "@/test/render";
import { DateOf } from "./relative-time";

it("a date is a stop for the keyboard, and tells its time", async () => {
  renderInConsole(<DateOf at="2026-11-23T12:34:00Z" />);
  await userEvent.tab();
  const date = screen.getByRole("time");
  expect(date).toHaveFocus();
  await userEvent.hover(date);
  await waitFor(() => expect(date).toHaveAccessibleDescription(/2026, \d+:\d\d/));
});
