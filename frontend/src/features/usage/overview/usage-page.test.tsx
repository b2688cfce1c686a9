import { screen } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, it, vi } from "vitest";
import { renderInConsole } from "@/test/render";
import { at, server } from "@/test/server";
import type { ExpiringSecret, KeyUsageSummary, UsageOverview } from "../api/usage-overview";
import { usageDefaults } from "../usage-search";
import { UsagePage } from "./usage-page";

const MINUTE_MS = 60_000;

function expiring(name: string, inMinutes: number): ExpiringSecret {
  return {
    client_id: `ak_${name}`,
    name,
    secret_id: name,
    last_four: "aB3d",
    expires_at: new Date(Date.now() + inMinutes * MINUTE_MS).toISOString(),
    last_used_at: null,
  };
}

function unused(name: string): KeyUsageSummary {
  return {
    client_id: `ak_${name}`,
    name,
    issued: 0,
    denied: 0,
    last_used_at: null,
    created_at: "2026-08-20T12:00:00Z",
  };
}

async function open(overview: Partial<UsageOverview>) {
  const whole: UsageOverview = { issued: 0, denied: 0, top: [], unused: [], expiring: [], ...overview };
  server.use(http.get(at("/v1/usage/overview"), () => HttpResponse.json(whole)));
  renderInConsole(<UsagePage search={usageDefaults} onChange={vi.fn()} />);
  const label = await screen.findByText("Old secrets still valid");
  return { stillValid: label.nextElementSibling };
}

it("the Usage page counts and lists the old secrets that still work", async () => {
  const { stillValid } = await open({ expiring: [expiring("ended", -1), expiring("running", 60)] });
  expect(stillValid).toHaveTextContent(/^1$/);
  expect(screen.getByText("running")).toBeInTheDocument();
  expect(screen.queryByText("ended")).not.toBeInTheDocument();
});

it("the Usage page says where there may be more than the service lists", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `key ${index}`);
  const ends = names.map((name, index) => expiring(name, index === 0 ? -1 : 60));
  const { stillValid } = await open({ expiring: ends, unused: names.map(unused) });
  expect(stillValid).toHaveTextContent(/^19\+$/);
  expect(screen.getByText(/^Only those that end first/)).toBeInTheDocument();
  expect(screen.getByText(/^Only those that were unused the longest/)).toBeInTheDocument();
});

it("the Usage page says nothing of more where it has all", async () => {
  const names = Array.from({ length: 19 }, (_, index) => `key ${index}`);
  const { stillValid } = await open({ expiring: names.map((name) => expiring(name, 60)), unused: names.map(unused) });
  expect(stillValid).toHaveTextContent(/^19$/);
  expect(screen.queryByText(/there may be more/)).not.toBeInTheDocument();
});
