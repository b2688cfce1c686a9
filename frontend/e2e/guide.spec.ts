import { expect, test } from "./fixtures/console";
import {
  choose,
  clipboard,
  fillKey,
  line,
  nameField,
  names,
  save,
  secretWindow,
  shownSecret,
} from "./fixtures/screens";

// Follows the vendor's guide to API Keys, step by step, under the guide's own numbers.

test.describe("1. the side menu", () => {
  test("leads to API Keys", async ({ page }) => {
    await page.goto("/api-keys/new");
    await page.getByRole("navigation", { name: "Main menu" }).getByRole("link", { name: "API Keys" }).click();
    await expect(page).toHaveURL("/api-keys");
    await expect(page.getByRole("heading", { name: "API Keys", level: 1 })).toBeVisible();
  });
});

test.describe("2. the main screen", () => {
  test("lists the registered keys", async ({ page, admin }) => {
    const key = await admin.createKey({
      name: "ERP integration",
      scopes: ["lighthouse.workspaces:readonly", "cca:editor", "spot:readonly"],
      token_lifespan: { value: 12, unit: "hours" },
    });
    await page.goto("/");
    const row = line(page, "ERP integration");
    await expect(row).toContainText(key.client_id);
    await expect(row).toContainText("lighthouse.workspaces:readonly");
    await expect(row).toContainText("12 hours");
    await expect(row).toContainText("Active");
    await expect(row).toContainText("Never");
    await row.getByRole("button", { name: "Show all 3 scopes" }).click();
    await expect(page.getByRole("dialog", { name: "Scopes" })).toContainText("spot:readonly");
  });

  test("adds a key with the Add button", async ({ page }) => {
    await page.goto("/api-keys");
    await page.getByRole("main").getByRole("link", { name: "Add" }).first().click();
    await expect(page).toHaveURL("/api-keys/new");
    await expect(page.getByRole("heading", { name: "Add API key" })).toBeVisible();
  });
});

test.describe("3. the form", () => {
  test.beforeEach(async ({ page }) => {
    await page.goto("/api-keys/new");
  });

  test("asks for name, description, scopes, and a lifespan of one hour by default", async ({ page }) => {
    await expect(nameField(page)).toHaveValue("");
    await expect(page.getByRole("textbox", { name: "Description" })).toHaveValue("");
    await expect(page.getByRole("textbox", { name: "Value" })).toHaveValue("1");
    await expect(page.getByRole("radio", { name: "Hours" })).toBeChecked();
    await expect(page.getByRole("radio", { name: "Minutes" })).not.toBeChecked();
    await expect(page.getByRole("checkbox", { checked: true })).toHaveCount(0);
  });

  test("grants functionalities, each with a type of access", async ({ page }) => {
    const box = (name: string) => page.getByRole("checkbox", { name, exact: true });
    await box("Lighthouse, Alarms: Editor").check();
    await box("CCA: Admin").check();
    await expect(page.getByText("2 selected")).toBeVisible();
    await page.getByRole("searchbox", { name: "Search products and features" }).fill("budget");
    await expect(box("CCA: Admin")).toBeHidden();
    await box("Lighthouse, Budget groups: Read-only").check();
    await page.getByRole("button", { name: "Clear search" }).click();
    await expect(page.getByText("3 selected")).toBeVisible();
    await box("All of Lighthouse: Read-only").check();
    await expect(page.getByText("13 selected")).toBeVisible();
    await expect(box("Lighthouse, Forecast: Read-only")).toBeChecked();
  });

  test("takes at most 24 hours and at most 55 minutes", async ({ page }) => {
    const value = page.getByRole("textbox", { name: "Value" });
    const unit = page.getByRole("radiogroup", { name: "Unit" });
    const hoursRule = "A whole number of hours from 1 to 24.";
    const minutesRule = "A whole number of minutes from 1 to 55.";
    await fillKey(page, "Too long");

    for (const wrong of ["25", "0", ""]) {
      await value.fill(wrong);
      await save(page);
      await expect(value).toHaveAttribute("aria-invalid", "true");
      await expect(value).toHaveAccessibleDescription(hoursRule);
      await expect(value).toBeFocused();
    }
    await value.fill("24");
    await expect(value).not.toHaveAttribute("aria-invalid", "true");
    await unit.getByText("Minutes").click();
    await expect(value).not.toHaveAttribute("aria-invalid", "true");
    await value.fill("56");
    await save(page);
    await expect(value).toHaveAccessibleDescription(minutesRule);
    await value.fill("55");
    await unit.getByText("Hours").click();
    await expect(value, "the change of unit checks the value again").toHaveAttribute("aria-invalid", "true");
    await unit.getByText("Minutes").click();
    await save(page);
    const window = secretWindow(page);
    await window.getByRole("checkbox", { name: "I have stored the client secret" }).check();
    await window.getByRole("button", { name: "Close" }).last().click();
    await expect(line(page, "Too long")).toContainText("55 minutes");
  });

  test("saves, shows the client secret to be copied, and returns to the list", async ({ page, context, admin }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await fillKey(page, "ERP integration");
    await page.getByRole("textbox", { name: "Description" }).fill("Nightly export to the ERP");
    await save(page);

    const window = secretWindow(page);
    await expect(window).toContainText("it will never be shown again");
    const secret = await shownSecret(window);
    const copy = window.getByRole("button", { name: "Copy client secret" });
    await copy.click();
    await expect(window.getByText("Copied", { exact: true })).toBeVisible();
    expect(await clipboard(page)).toBe(secret);
    await window.getByRole("button", { name: "Close" }).last().click();

    await expect(page).toHaveURL("/api-keys");
    await expect(line(page, "ERP integration")).toContainText("1 hour");
    const clientId = await line(page, "ERP integration")
      .getByText(/^ak_\w+$/)
      .innerText();
    expect((await admin.exchange(clientId, secret)).status).toBe(201);
  });
});

test.describe("4. the filters", () => {
  test.beforeEach(async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await admin.createKey({ name: "Relatório diário" });
    const old = await admin.createKey({ name: "Old ERP" });
    await admin.deactivate(old.client_id);
    await page.goto("/api-keys");
    await expect(names(page)).toHaveText(["Old ERP", "Relatório diário", "ERP integration"]);
  });

  test("search by name", async ({ page }) => {
    const search = page.getByRole("searchbox", { name: "Search API keys by name or client ID" });
    await search.pressSequentially("erp");
    await expect(names(page)).toHaveText(["Old ERP", "ERP integration"]);
    await search.fill("relatorio");
    await expect(names(page)).toHaveText(["Relatório diário"]);
    await search.fill("nothing like it");
    await expect(page.getByRole("heading", { name: "No matching API keys" })).toBeVisible();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await expect(names(page)).toHaveCount(3);
    await expect(search).toHaveValue("");
  });

  test("by status: All, Active, Inactive", async ({ page }) => {
    const status = page.getByRole("radiogroup", { name: "Status" });
    await status.getByText("Inactive", { exact: true }).click();
    await expect(names(page)).toHaveText(["Old ERP"]);
    await status.getByText("Active", { exact: true }).click();
    await expect(names(page)).toHaveText(["Relatório diário", "ERP integration"]);
    await status.getByText("All", { exact: true }).click();
    await expect(names(page)).toHaveCount(3);
  });
});

test.describe("5. the actions", () => {
  test("copy to clipboard", async ({ page, context, admin }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await line(page, "ERP integration").hover();
    await page.getByRole("button", { name: "Copy client ID of ERP integration" }).click();
    await expect(page.getByRole("tooltip", { name: "Copied" })).toBeVisible();
    expect(await clipboard(page)).toBe(key.client_id);
    await page.evaluate(() => navigator.clipboard.writeText(""));
    await choose(page, "ERP integration", "Copy client ID");
    await expect(page.getByRole("status").getByText("Client ID copied")).toBeVisible();
    expect(await clipboard(page)).toBe(key.client_id);
  });

  test("activate and deactivate", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    const row = line(page, "ERP integration");
    await choose(page, "ERP integration", "Deactivate");
    await expect(row.getByText("Inactive", { exact: true })).toBeVisible();
    await expect(page.getByRole("status").getByText("Tokens already issued no longer work")).toBeVisible();
    expect((await admin.exchange(key.client_id, key.client_secret)).status).toBe(401);
    await choose(page, "ERP integration", "Activate");
    await expect(row.getByText("Active", { exact: true })).toBeVisible();
    await expect.poll(async () => (await admin.exchange(key.client_id, key.client_secret)).status).toBe(201);
  });

  test("delete, after a confirmation", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Delete");
    const dialog = page.getByRole("dialog", { name: "Delete API key?" });
    await expect(dialog).toContainText("ERP integration will be deleted permanently");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await expect(line(page, "ERP integration")).toBeVisible();
    await choose(page, "ERP integration", "Delete");
    await dialog.getByRole("button", { name: "Delete API key" }).click();
    await expect(page.getByRole("heading", { name: "No API keys yet" })).toBeVisible();
    expect((await admin.exchange(key.client_id, key.client_secret)).status).toBe(401);
  });

  test("edit everything but the client ID", async ({ page, admin }) => {
    const { client_id } = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Edit");
    await expect(page).toHaveURL(`/api-keys/${client_id}/edit`);
    const main = page.getByRole("main");
    await expect(main.getByText(client_id)).toBeVisible();
    await expect(main.getByText("The client ID never changes.")).toBeVisible();
    await expect(main.locator(`input[value="${client_id}"]`)).toHaveCount(0);

    await nameField(page).fill("ERP integration, new");
    await page.getByRole("textbox", { name: "Description" }).fill("Hourly export");
    await page.getByRole("checkbox", { name: "Spot: Editor" }).check();
    await page.getByRole("radiogroup", { name: "Unit" }).getByText("Minutes").click();
    await page.getByRole("textbox", { name: "Value" }).fill("30");
    await save(page);
    await expect(page).toHaveURL("/api-keys");
    const row = line(page, "ERP integration, new");
    await expect(row).toContainText("30 minutes");
    await expect(row).toContainText("spot:editor");
    expect(await admin.key(client_id)).toMatchObject({ client_id, description: "Hourly export" });
  });

  test("generate new client secret, which replaces the one before", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Generate new client secret");
    const confirmation = page.getByRole("dialog", { name: "Generate new client secret" });
    await confirmation.getByRole("radio", { name: /Replace now/ }).click();
    await confirmation.getByRole("button", { name: "Generate new client secret" }).click();

    const window = secretWindow(page, "New client secret");
    const secret = await shownSecret(window);
    expect(secret).not.toBe(key.client_secret);
    await expect(window).toContainText("it will never be shown again");
    await window.getByRole("checkbox", { name: "I have stored the client secret" }).check();
    await window.getByRole("button", { name: "Close" }).last().click();
    await expect(window).toBeHidden();
    expect((await admin.exchange(key.client_id, secret)).status).toBe(201);
    expect((await admin.exchange(key.client_id, key.client_secret)).status).toBe(401);
  });

  test("the API's documentation is one click away", async ({ page, context }) => {
    await page.goto("/api-keys");
    const opened = context.waitForEvent("page");
    await page.getByRole("link", { name: /API reference/ }).click();
    const reference = await opened;
    await expect(reference.getByText("/auth", { exact: true }).first()).toBeVisible();
  });
});
