import { readFile } from "node:fs/promises";
import { audit } from "./fixtures/audit";
import { expect, test } from "./fixtures/console";
import { password } from "./fixtures/management";

test("an event unfolds to what changed and where from", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await admin.rename(key.client_id, "Billing sync");
  await page.goto("/audit?action=api-key.updated");
  await page.getByRole("button", { name: /^Details: .* edited the API key Billing sync$/ }).click();
  const name = page.getByRole("table", { name: "What changed" }).getByRole("row", { name: /^Name/ });
  await expect(name.getByRole("deletion")).toHaveText("ERP integration");
  await expect(name.getByRole("insertion")).toHaveText("Billing sync");
  await expect(page.getByRole("main")).toContainText("Request ID");
  await audit(page);
});

test("the filters live in the URL, and the export follows them", async ({ page, admin, operator }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  const other = await admin.createKey({ name: "Billing sync" });
  await admin.deactivate(key.client_id);
  await page.goto("/audit");
  const events = page.getByRole("list", { name: "Events, newest first" }).getByRole("listitem");
  await expect(events.filter({ hasText: "Billing sync" })).toBeVisible();

  await page.getByRole("combobox", { name: "API key" }).fill("ERP");
  await page.getByRole("option", { name: "ERP integration" }).click();
  await expect(page).toHaveURL(`/audit?key=${key.client_id}`);
  await expect(events).toHaveCount(2);
  await page.getByRole("combobox", { name: "Who" }).fill(operator.email);
  await page.keyboard.press("Enter");
  await page.getByRole("combobox", { name: "When" }).selectOption("Last 24 hours");
  await page.getByRole("combobox", { name: "What" }).selectOption("API key created");
  await expect(events).toHaveCount(1);
  await page.reload();
  await expect(events).toHaveCount(1);

  await page.getByRole("button", { name: "Export" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "JSON Lines" }).click();
  const lines = (await readFile(await (await download).path(), "utf8")).trim().split("\n");
  expect(lines.map((text) => JSON.parse(text))).toMatchObject([
    { action: "api-key.created", subject: { id: key.client_id } },
  ]);

  await page.goto(`/audit?key=${other.client_id}&action=api-key.deleted`);
  await expect(page.getByRole("heading", { name: "No matching events" })).toBeVisible();
  await page.getByRole("main").getByRole("button", { name: "Clear filters" }).last().click();
  await expect(page).toHaveURL("/audit");
  await page.goBack();
  await expect(page.getByRole("heading", { name: "No matching events" })).toBeVisible();
});

test("an export waits until whoever's session has expired has signed in, and says why it is refused", async ({
  page,
  operator,
  complaints,
}) => {
  complaints.expect(/status of (401|503)/);
  await page.goto("/audit");
  await expect(page.getByRole("list", { name: "Events, newest first" }).getByRole("button").first()).toBeVisible();
  await page.waitForLoadState("networkidle");
  const save = async () => {
    await page.getByRole("button", { name: "Export" }).click();
    await page.getByRole("menuitem", { name: "CSV" }).click();
  };
  await operator.endSession();
  await save();
  const download = page.waitForEvent("download");
  const dialog = page.getByRole("dialog", { name: "Your session has expired" });
  await dialog.getByRole("textbox", { name: "Password" }).fill(password);
  await page.keyboard.press("Enter");
  expect(await readFile(await (await download).path(), "utf8")).toContain("operator.signed-in");
  await expect(page.getByRole("button", { name: "Export" })).toBeFocused();

  await page.route(/\/v1\/events\?limit=1$/, (route) =>
    route.fulfill({ status: 503, json: { code: "service/unavailable" } }),
  );
  await save();
  await expect(page.getByRole("alert")).toContainText("The service is busy");
});

test("days that are typed belong to one entry of the browser's history", async ({ page }) => {
  await page.goto("/usage");
  await page.getByRole("navigation", { name: "Main menu" }).getByRole("link", { name: "Audit" }).click();
  await page.getByRole("combobox", { name: "When" }).selectOption("Custom range");
  await expect(page).toHaveURL("/audit?period=custom");
  for (const day of ["2026-11-01", "2026-11-02"]) {
    await page.getByLabel("From").fill(day);
    await expect(page).toHaveURL(`/audit?period=custom&from=${day}`);
  }
  await page.getByLabel("To", { exact: true }).fill("2026-11-20");
  await expect(page).toHaveURL("/audit?period=custom&from=2026-11-02&to=2026-11-20");
  await page.goBack();
  await expect(page).toHaveURL("/audit");
  await page.goBack();
  await expect(page).toHaveURL("/usage");
});

test("older events are loaded on demand", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  for (let change = 0; change < 55; change++) await admin.rename(key.client_id, `ERP integration ${change}`);
  await page.goto(`/api-keys/${key.client_id}?tab=history`);
  const events = page.getByRole("list", { name: "Events, newest first" }).getByRole("listitem");
  await expect(events).toHaveCount(50);
  await page.getByRole("button", { name: "Load more" }).click();
  await expect(events).toHaveCount(56);
  await expect(page.getByRole("button", { name: "Load more" })).toHaveCount(0);
});

test("the sentences are Portuguese in Portuguese", async ({ page, admin, operator }) => {
  await admin.createKey({ name: "Integração ERP" });
  await page.addInitScript(() => localStorage.setItem("apikeys-language", "pt-BR"));
  await page.goto("/audit");
  await expect(page.getByText(`${operator.email} criou a chave de API Integração ERP`)).toBeVisible();
});

test.describe("an editor", () => {
  test.use({ role: "editor" });

  test("sees the events of keys alone, and can't verify the log", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/audit");
    await expect(page.getByRole("button", { name: /created the API key ERP integration/ })).toBeVisible();
    const events = page.getByRole("list", { name: "Events, newest first" });
    await expect(events.getByText("operator.signed-in")).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Verify log" })).toHaveCount(0);
    await expect(page.getByRole("navigation").getByRole("link", { name: "Operators" })).toHaveCount(0);
    await page.goto("/audit?action=operator.signed-in");
    await expect(page.getByText("Only administrators see events of this kind.")).toBeVisible();
    await page.goto("/operators");
    await expect(page.getByRole("heading", { name: "Only administrators manage operators" })).toBeVisible();
  });
});
