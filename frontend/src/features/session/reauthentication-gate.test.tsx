import { waitFor } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { ReauthenticationGate } from "./reauthentication-gate";

const fetched = vi.hoisted(() => vi.fn());
vi.mock("./reauthentication-dialog", () => {
  fetched();
  return { default: () => null };
});

it("what signs in again is there before the session expires", async () => {
  renderInConsole(<ReauthenticationGate />);
  await waitFor(() => expect(fetched).toHaveBeenCalled());
});
