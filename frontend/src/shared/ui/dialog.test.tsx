import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "@/shared/api/api-error";
import { reauthentication } from "@/shared/api/reauthentication";
import { renderInConsole } from "@/test/render";
import { OnceDialog } from "./once-dialog";

beforeEach(() => reauthentication.arm());
afterEach(() => reauthentication.disarm(new ApiError({ status: 401, code: "failed" })));

const once = (
  <OnceDialog
    title="A secret"
    size="md"
    copied={false}
    storedLabel="Stored"
    ask={{ title: "Close without it?", message: "It is gone then." }}
    onClose={vi.fn()}
  >
    aks_EXAMPLE
  </OnceDialog>
);

it("a dialog hears no Escape while the operator has to sign in again", async () => {
  renderInConsole(once);
  act(() => reauthentication.require());
  await userEvent.keyboard("{Escape}");
  act(() => reauthentication.complete());
  expect(screen.getByRole("dialog")).toHaveAccessibleName("A secret");
  await userEvent.keyboard("{Escape}");
  expect(screen.getByRole("dialog", { name: "Close without it?" })).toBeInTheDocument();
});

it("a dialog that opens while the operator has to sign in again waits for that", async () => {
  reauthentication.require();
  renderInConsole(once);
  expect(screen.queryByRole("dialog")).toBeNull();
  act(() => reauthentication.complete());
  expect(await screen.findByRole("dialog", { name: "A secret" })).toBeInTheDocument();
});
