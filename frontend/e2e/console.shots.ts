import { fileURLToPath } from "node:url";
import type { Page, Route } from "@playwright/test";
import { settled } from "./fixtures/audit";
import { test as base, expect } from "./fixtures/console";
import type { ApiKey } from "./fixtures/management";
import { choose, line, nameField, save, secretWindow } from "./fixtures/screens";

// Takes the screenshots in docs/console/: `npm run screenshots`. Names, ids and times are the same in every run, so that a
// screenshot changes only when the console does.

const NOW = "2026-03-12T14:30:00Z";
const OPERATOR = "ana@acme.example";

interface Example {
  name: string;
  description: string;
  scopes: string[];
  lifespan: { value: number; unit: "hours" | "minutes" };
  created: string;
  lastUsed: string | null;
  /** Roughly how many tokens it obtains in a busy hour. */
  pace: number;
  inactive?: boolean;
  rotating?: boolean;
}

const workspaces = "lighthouse.workspaces:readonly";
const examples: Example[] = [
  {
    name: "Cost dashboard",
    description: "Reads budgets and forecasts for the finance team’s dashboard.",
    scopes: ["lighthouse.budget-groups:readonly", "lighthouse.forecast:readonly", "lighthouse.timeline:readonly"],
    lifespan: { value: 30, unit: "minutes" },
    created: "2025-09-02T12:00:00Z",
    lastUsed: "2026-03-12T14:28:00Z",
    pace: 34,
  },
  {
    name: "ERP integration",
    description: "Nightly export of consumption to the ERP.",
    scopes: [workspaces, "lighthouse.consumption-groups:readonly", "cca:editor", "spot:readonly"],
    lifespan: { value: 1, unit: "hours" },
    created: "2025-10-20T12:00:00Z",
    lastUsed: "2026-03-12T14:11:00Z",
    pace: 21,
    rotating: true,
  },
  {
    name: "Anomaly alerts",
    description: "Forwards anomalies to the on-call channel.",
    scopes: ["lighthouse.anomalies:readonly", "lighthouse.alarms:editor"],
    lifespan: { value: 5, unit: "minutes" },
    created: "2025-11-14T12:00:00Z",
    lastUsed: "2026-03-12T11:05:00Z",
    pace: 6,
  },
  {
    name: "Terraform pipeline",
    description: "Keeps workspaces and tags in step with the infrastructure.",
    scopes: ["lighthouse:admin"],
    lifespan: { value: 15, unit: "minutes" },
    created: "2026-01-08T12:00:00Z",
    lastUsed: "2026-03-10T09:40:00Z",
    pace: 0,
  },
  {
    name: "Legacy reports",
    description: "",
    scopes: ["lia.reports:readonly"],
    lifespan: { value: 24, unit: "hours" },
    created: "2026-01-19T12:00:00Z",
    lastUsed: "2026-01-30T18:20:00Z",
    pace: 0,
    inactive: true,
  },
  {
    name: "Partner sandbox",
    description: "",
    scopes: [workspaces],
    lifespan: { value: 1, unit: "hours" },
    created: "2026-03-11T12:00:00Z",
    lastUsed: null,
    pace: 0,
  },
];

const NEW_KEY = "Billing export";
const idOf = (name: string) => `ak_${name.replace(/\W/g, "")}`.padEnd(25, "7Qm2xVb9KdTz4RwHs3Np");
const exampleSecret = `aks_${"EXAMPLE7Qm2xVb9KdTz4RwHs3NpLc5".repeat(2)}`.slice(0, 53);

/** Gives one of the service's keys the appearance of its example. */
function dressed(key: ApiKey): ApiKey {
  const example = examples.find(({ name }) => name === key.name);
  const created = example?.created ?? NOW;
  const lastUsed = example?.lastUsed ?? null;
  const secrets = key.secrets.map((secret, index, all) => ({
    ...secret,
    created_at: all.length > 1 && !secret.expires_at ? "2026-03-12T13:30:00Z" : created,
    last_four: ["Np3s", "x9Tz"][index] ?? "0000",
    last_used_at: secret.expires_at || all.length === 1 ? lastUsed : "2026-03-12T14:02:00Z",
    last_used_ip: lastUsed ? "203.0.113.24" : null,
    expires_at: secret.expires_at && "2026-03-13T13:30:00Z",
  }));
  return {
    ...key,
    client_id: idOf(key.name),
    created_at: created,
    updated_at: created,
    created_by: OPERATOR,
    last_used_at: lastUsed,
    secrets,
    ...("client_secret" in key && { client_secret: exampleSecret }),
  };
}

function isKey(value: object): value is ApiKey {
  return "client_id" in value && "name" in value && "secrets" in value;
}

/** A day's usage of an example: busy at noon, quiet at night. */
function dayOf(clientId: string, from: string) {
  const pace = examples.find(({ name }) => idOf(name) === clientId)?.pace ?? 0;
  return Array.from({ length: 24 }, (_, index) => {
    const start = new Date(Date.parse(from) + index * 3_600_000);
    const busy = Math.max(0, Math.sin(((start.getUTCHours() - 6) / 16) * Math.PI));
    return { start: start.toISOString(), issued: Math.round(pace * busy * (1 + (index % 3) / 8)), denied: 0 };
  });
}

/** Passes calls on to the service and replaces details in its answers. Usage figures are made up. */
function stage(realIds: Map<string, string>) {
  const secretIds = new Map<string, string[]>();
  return async (route: Route) => {
    const asked = new URL(route.request().url());
    const from = asked.searchParams.get("from") ?? NOW;
    if (asked.pathname === "/v1/usage") {
      const items = asked.searchParams.getAll("client_id").map((id) => ({ client_id: id, points: dayOf(id, from) }));
      return route.fulfill({ json: { items } });
    }
    const [, clientId] = /^\/v1\/api-keys\/(\w+)\/usage$/.exec(asked.pathname) ?? [];
    if (clientId) {
      const ids = secretIds.get(clientId) ?? [];
      const secrets = ids.map((id, index) => ({ secret_id: id, issued_last_24h: [87, 214][index] ?? 0 }));
      return route.fulfill({ json: { client_id: clientId, points: dayOf(clientId, from), secrets } });
    }
    const url = asked.href.replace(/ak_\w+/g, (id) => realIds.get(id) ?? id);
    const response = await route.fetch({ url });
    const text = await response.text();
    if (text === "") return route.fulfill({ response });
    const body = JSON.parse(text, (member, value) => {
      if (member === "email") return OPERATOR;
      if (typeof value !== "object" || value === null || !isKey(value)) return value;
      const key = dressed(value);
      if (!realIds.has(key.client_id)) realIds.set(key.client_id, value.client_id);
      secretIds.set(
        key.client_id,
        key.secrets.map(({ id }) => id),
      );
      return key;
    });
    return route.fulfill({ response, json: body });
  };
}

const test = base.extend({
  viewport: { width: 1280, height: 720 },
  deviceScaleFactor: 1.2,
  timezoneId: "UTC",
});

/** Replaces the service's own address, with its port, by the one that a customer would see. */
async function writeAddress(page: Page): Promise<void> {
  await page.evaluate(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { currentNode } = texts;
      const text = currentNode.nodeValue ?? "";
      if (text.includes(location.origin))
        currentNode.nodeValue = text.replaceAll(location.origin, "https://keys.acme.example");
    }
  });
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  await writeAddress(page);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
    await settled(page);
    const path = fileURLToPath(new URL(`../../docs/console/${name}-${colorScheme}.png`, import.meta.url));
    await page.screenshot({ path, caret: "hide" });
  }
}

test.beforeEach(async ({ page, admin }) => {
  const realIds = new Map<string, string>();
  for (const { name, description, scopes, lifespan, inactive, rotating } of examples) {
    const { client_id } = await admin.createKey({ name, description, scopes, token_lifespan: lifespan });
    realIds.set(idOf(name), client_id);
    if (inactive) await admin.deactivate(client_id);
    if (rotating) await admin.rotate(client_id, 24 * 3600);
  }
  await page.route("**/v1/**", stage(realIds));
  await page.clock.setFixedTime(NOW);
});

test("list", async ({ page }) => {
  await page.goto("/api-keys");
  await expect(line(page, "Partner sandbox")).toBeVisible();
  await shoot(page, "list");
});

test("add, and the secret", async ({ page }) => {
  await page.goto("/api-keys/new");
  await nameField(page).fill(NEW_KEY);
  await page.getByRole("textbox", { name: "Description" }).fill("Monthly export of costs to the billing system.");
  for (const scope of ["Lighthouse, Consumption groups: Read-only", "Lighthouse, Budget groups: Editor"]) {
    await page.getByRole("checkbox", { name: scope }).check();
  }
  await page.evaluate(() => scrollTo(0, 0));
  await shoot(page, "add");
  await save(page);
  await expect(secretWindow(page)).toBeVisible();
  await shoot(page, "secret");
});

test("rotate", async ({ page }) => {
  await page.goto("/api-keys?search=cost");
  await choose(page, "Cost dashboard", "Generate new client secret");
  await expect(page.getByRole("dialog")).toBeVisible();
  await shoot(page, "rotate");
});

test("key page", async ({ page }) => {
  await page.goto("/api-keys");
  await page.getByRole("link", { name: "ERP integration", exact: true }).click();
  await expect(page.getByRole("region", { name: "Client secrets" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Lighthouse" })).toBeVisible();
  await shoot(page, "key");
});
