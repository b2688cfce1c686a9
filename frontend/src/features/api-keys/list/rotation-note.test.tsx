import { act, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { apiKey } from "@/test/fixtures";
import { renderInConsole } from "@/test/render";
import { RotationNote } from "./rotation-note";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("a key has two secrets for as long as the old one works", () => {
  vi.setSystemTime("2026-11-23T12:00:00Z");
  const secret = { created_at: "2026-11-20T12:00:00Z", last_used_at: null, last_used_ip: null };
  const secrets = [
    { ...secret, id: "new", last_four: "xY7z", expires_at: null },
    { ...secret, id: "old", last_four: "aB3d", expires_at: "2026-11-23T12:00:30Z" },
  ];
  renderInConsole(<RotationNote apiKey={apiKey({ secrets })} />);
  expect(screen.getByText("Two secrets")).toBeInTheDocument();
  act(() => vi.advanceTimersByTime(60_000));
  expect(screen.queryByText("Two secrets")).not.toBeInTheDocument();
});
