import type { Page } from "@playwright/test";
import { gate } from "../src/test/gate";
import { audit } from "./fixtures/audit";
import { expect, test } from "./fixtures/console";
import type { CreatedKey, Operator } from "./fixtures/management";
import { line } from "./fixtures/screens";

function oldSecret(page: Page) {
  return page.getByRole("region", { name: "Client secrets" }).getByRole("listitem").filter({ hasText: "Old, ends" });
}

/** A key whose old secret was used and still works. */
async function rotated(admin: Operator): Promise<CreatedKey> {
  const key = await admin.createKey({ name: "ERP integration" });
  await admin.use(key);
  await admin.rotate(key.client_id, 3600);
  return key;
}

test.describe("the dialogs of a rotation speak in evidence", () => {
  test("before the old secret is retired", async ({ page, admin }) => {
    const key = await rotated(admin);
    await page.goto(`/api-keys/${key.client_id}`);
    await expect(oldSecret(page)).toContainText("1 token");
    await oldSecret(page).getByRole("button", { name: "Retire now" }).click();
    const dialog = page.getByRole("dialog", { name: "Retire the old client secret?" });
    await expect(dialog).toContainText("The old secret was last used");
    await expect(dialog).toContainText("from 127.0.0.1, 1 token in the last 24 hours");
    await audit(page);
  });

  test("before a new secret is generated", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${key.client_id}`);
    await page.getByRole("button", { name: "Generate new client secret" }).click();
    await expect(page.getByRole("dialog")).toContainText("was never used — safe to retire");
  });
});

test("a grace period is moved with one click, and a rotation taken back", async ({ page, admin }) => {
  const key = await rotated(admin);
  await page.goto(`/api-keys/${key.client_id}`);
  await expect(oldSecret(page)).toContainText(/ends in (59 min|1 hr)/);
  await oldSecret(page).getByRole("button", { name: "7 days" }).click();
  await expect(oldSecret(page)).toContainText(/ends in (6|7) days/);

  await oldSecret(page).getByRole("button", { name: "Cancel rotation" }).click();
  const dialog = page.getByRole("dialog", { name: "Keep the old client secret?" });
  await expect(dialog).toContainText("The new secret was never used");
  await dialog.getByRole("button", { name: "Keep the old one" }).click();
  await expect(oldSecret(page)).toHaveCount(0);
  expect((await admin.exchange(key.client_id, key.client_secret)).status, "the old secret works").toBe(201);
  expect((await admin.key(key.client_id)).secrets).toHaveLength(1);
});

test("the list shows what a key was used for in the last 24 hours", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await admin.createKey({ name: "Never used" });
  await admin.use(key);
  await page.goto("/api-keys");
  await expect(line(page, "ERP integration").getByRole("img", { name: "1 token in the last 24 hours" })).toBeVisible();
  await expect(line(page, "Never used").getByRole("img", { name: "in the last 24 hours" })).toHaveCount(0);
});

test("a key's usage is read with the keyboard, and as a table", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await admin.use(key);
  await page.goto(`/api-keys/${key.client_id}`);
  await page.getByRole("tab", { name: "Usage" }).click();
  await expect(page).toHaveURL(/tab=usage/);
  const chart = page.getByRole("slider", { name: "Tokens issued and denied over time" });
  await expect(chart).toHaveAttribute("aria-valuetext", /1 issued, 0 denied/);
  await chart.focus();
  await page.keyboard.press("ArrowLeft");
  await expect(chart).toHaveAttribute("aria-valuetext", /0 issued, 0 denied/);

  await page.getByRole("radiogroup", { name: "Period" }).getByText("90 d").click();
  await expect(page).toHaveURL(/range=90d/);
  await page.getByRole("button", { name: "Show as table" }).click();
  const table = page.getByRole("region", { name: "Tokens issued and denied, as a table" });
  await expect(table.getByRole("row")).toHaveCount(91);
  await expect(table.getByRole("row").nth(1).getByRole("cell").first()).toHaveText("1");
  await page.reload();
  await expect(chart).toHaveAttribute("aria-valuemax", "90");
});

test("a key's usage is dimmed while that of another period is on its way", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await page.goto(`/api-keys/${key.client_id}?tab=usage`);
  const shown = page.locator("[aria-busy]").filter({ has: page.getByRole("slider") });
  await expect(shown).toHaveCSS("opacity", "1");
  const { opened, open } = gate();
  await page.route("**/usage?**", async (route) => {
    await opened;
    await route.continue();
  });
  await page.getByRole("radiogroup", { name: "Period" }).getByText("90 d").click();
  await expect(shown).toHaveCSS("opacity", "0.55");
  open();
  await expect(shown).toHaveCSS("opacity", "1");
});

test("a key's owner learns why it was refused", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await page.goto(`/api-keys/${key.client_id}?tab=denials`);
  await expect(page.getByRole("heading", { name: "No denials" })).toBeVisible();

  expect((await admin.exchange(key.client_id, "aks_wrong")).status).toBe(401);
  await admin.deactivate(key.client_id);
  expect((await admin.exchange(key.client_id, key.client_secret)).status).toBe(401);
  const denials = page.getByRole("region", { name: "Recent denials" }).getByRole("listitem");
  await expect(async () => {
    await page.reload();
    await expect(denials).toHaveCount(2, { timeout: 2_000 });
  }).toPass();
  await expect(denials.nth(0)).toContainText("Inactive key");
  await expect(denials.nth(1)).toContainText("Wrong client secret");
  await expect(denials.nth(1)).toContainText("127.0.0.1");
  await audit(page);
});

test("the Usage page shows the tenancy at a glance, and its state lives in the URL", async ({ page, admin }) => {
  const key = await rotated(admin);
  await page.goto("/api-keys");
  await page.getByRole("navigation", { name: "Main menu" }).getByRole("link", { name: "Usage" }).click();
  const top = page.getByRole("table", { name: "Most used keys" });
  await expect(top.getByRole("row", { name: /ERP integration/ })).toContainText("1");
  await expect(page.getByRole("table", { name: "Rotations in progress" })).toContainText("ERP integration");
  await page.getByRole("radiogroup", { name: "Period" }).getByText("7 d").click();
  await page.getByRole("radiogroup", { name: "Unused for" }).getByText("90 days").click();
  await expect(page).toHaveURL("/usage?range=7d&unused=90");
  await page.reload();
  await expect(
    page.getByRole("radiogroup", { name: "Unused for" }).getByRole("radio", { name: "90 days" }),
  ).toBeChecked();
  await top.getByRole("link", { name: "ERP integration" }).click();
  await expect(page).toHaveURL(`/api-keys/${key.client_id}`);
});

test("the usage can be read in Portuguese", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "Integração ERP" });
  await page.addInitScript(() => localStorage.setItem("apikeys-language", "pt-BR"));
  await page.goto(`/api-keys/${key.client_id}?tab=usage`);
  await expect(page.getByRole("slider", { name: "Tokens emitidos e recusados ao longo do tempo" })).toBeVisible();
  await page.getByRole("tab", { name: "Recusas" }).click();
  await expect(page.getByRole("heading", { name: "Nenhuma recusa" })).toBeVisible();
});
