import type { Page } from "@playwright/test";
import { gate } from "../src/test/gate";
import { audit } from "./fixtures/audit";
import { expect, test } from "./fixtures/console";
import { newEmail, nobody, Operator, password } from "./fixtures/management";
import { choose } from "./fixtures/screens";

async function invite(page: Page, email: string): Promise<string> {
  await page.goto("/operators");
  await page.getByRole("button", { name: "Invite operator" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite an operator" });
  await dialog.getByRole("textbox", { name: "Email" }).fill(email);
  await dialog.getByRole("radio", { name: /Editor/ }).click();
  await dialog.getByRole("button", { name: "Invite operator" }).click();
  const window = page.getByRole("dialog", { name: "Invitation link" });
  await expect(window).toContainText("It works once");
  await audit(page);
  const link = await window.getByText(/\/invitation#/).innerText();
  await window.getByRole("checkbox", { name: "I have passed on the link" }).check();
  await window.getByRole("button", { name: "Close" }).last().click();
  return link;
}

test("an invited operator sets a password with a link that works once, and signs in", async ({
  page,
  browser,
  complaints,
}) => {
  complaints.expect(/status of 401/);
  const email = newEmail("eva");
  const link = await invite(page, email);
  const row = page.getByRole("row").filter({ hasText: email });
  await expect(row).toContainText("Invited");

  const context = await browser.newContext({ storageState: nobody });
  const guest = await context.newPage();
  await guest.goto(link);
  await expect(guest, "the link's secret part leaves the address bar").toHaveURL("/invitation");
  await guest.getByRole("textbox", { name: "New password", exact: true }).fill(password);
  await guest.getByRole("textbox", { name: "Repeat the new password" }).fill(password);
  await audit(guest);
  await guest.getByRole("button", { name: "Set password" }).click();
  await expect(guest.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
  await guest.getByRole("textbox", { name: "Email" }).fill(email);
  await guest.getByRole("textbox", { name: "Password" }).fill(password);
  await guest.getByRole("button", { name: "Sign in" }).click();
  await expect(guest.getByRole("main").getByRole("link", { name: "Add" }).first()).toBeVisible();
  await expect(guest.getByRole("button", { name: `Operator menu: ${email}` })).toContainText("Editor");
  await context.close();

  const later = await (await browser.newContext({ storageState: nobody })).newPage();
  await later.goto(link);
  await later.getByRole("textbox", { name: "New password", exact: true }).fill(password);
  await later.getByRole("textbox", { name: "Repeat the new password" }).fill(password);
  await later.getByRole("button", { name: "Set password" }).click();
  await expect(later.getByRole("alert")).toContainText("This link no longer works");
  await later.context().close();
});

test("a link opened in the tab that shows another one's end is followed", async ({ page, browser }) => {
  const link = await invite(page, newEmail("eva"));
  const context = await browser.newContext({ storageState: nobody });
  const guest = await context.newPage();
  const field = guest.getByRole("textbox", { name: "New password", exact: true });
  const repeat = guest.getByRole("textbox", { name: "Repeat the new password" });
  await guest.goto("/invitation");
  await expect(guest.getByRole("alert")).toContainText("Open your link again");

  await guest.goto("/invitation#spent");
  await field.fill(password);
  await repeat.fill(password);
  await guest.getByRole("button", { name: "Set password" }).click();
  await expect(guest.getByRole("alert")).toContainText("This link no longer works");
  await expect(guest.getByRole("heading", { level: 1 })).toHaveText("This link no longer works");
  await expect(guest.getByRole("main"), "the button that was pressed is gone").toBeFocused();

  await guest.goto(link);
  await expect(guest).toHaveURL("/invitation");
  await expect(field).toBeEmpty();
  await field.fill(password);
  await repeat.fill(password);
  await guest.getByRole("button", { name: "Set password" }).click();
  await expect(guest.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
  await context.close();
});

test("a link that is on its way is waited for", async ({ page }) => {
  const email = newEmail("eva");
  await page.goto("/api-keys");
  await page.getByRole("link", { name: "Operators", exact: true }).click();
  const window = page.getByRole("dialog", { name: "Invitation link" });

  async function leaveWhile(call: string, press: string) {
    const { opened, open } = gate();
    await page.route(call, async (route) => {
      if (route.request().method() === "POST") await opened;
      await route.continue();
    });
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: press }).click();
    await expect(dialog.getByRole("button", { name: "Cancel" })).toBeDisabled();
    await page.evaluate(() => history.back());
    open();
    await expect(window).toBeVisible();
  }

  await page.getByRole("button", { name: "Invite operator" }).click();
  await page.getByRole("textbox", { name: "Email" }).fill(email);
  await leaveWhile("**/v1/operators", "Invite operator");
  await window.getByRole("checkbox", { name: "I have passed on the link" }).check();
  await window.getByRole("button", { name: "Close" }).last().click();
  await choose(page, email, "New invitation link");
  await leaveWhile("**/reset-password", "Create link");
});

test("a one-time link is shown without waiting for the list", async ({ page }) => {
  await page.goto("/operators");
  await expect(page.getByRole("table", { name: "Operators" })).toBeVisible();
  const { opened, open } = gate();
  await page.route("**/v1/operators", async (route) => {
    if (route.request().method() === "GET") await opened;
    await route.continue();
  });
  await page.getByRole("button", { name: "Invite operator" }).click();
  await page.getByRole("textbox", { name: "Email" }).fill(newEmail("rui"));
  await page.getByRole("dialog").getByRole("button", { name: "Invite operator" }).click();
  await expect(page.getByRole("dialog", { name: "Invitation link" })).toBeVisible();
  open();
});

test("an operator who is deactivated is signed out everywhere", async ({ page, service, tenancy, browser }) => {
  const editor = await Operator.create(service, tenancy, "editor", newEmail("rui"));
  const context = await browser.newContext({ storageState: await editor.storageState() });
  const theirs = await context.newPage();
  await theirs.goto("/api-keys");
  await expect(theirs.getByRole("heading", { name: "No API keys yet" })).toBeVisible();

  await page.goto("/operators");
  await choose(page, editor.email, "Deactivate");
  await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
  await expect(page.getByRole("row").filter({ hasText: editor.email })).toContainText("Deactivated");
  await theirs.reload();
  await expect(theirs.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
  await context.close();
  await editor.dispose();
});

test("the last administrator stays one, and learns why", async ({ page, operator, complaints }) => {
  complaints.expect(/status of 409/);
  await page.goto("/operators");
  await choose(page, operator.email, "Change role");
  const dialog = page.getByRole("dialog", { name: `Role of ${operator.email}` });
  await dialog.getByRole("radio", { name: /Editor/ }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toContainText("the last administrator who can sign in");
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await choose(page, operator.email, "Remove");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("the last administrator who can sign in");
});

test("an operator gets another role, and is removed", async ({ page, service, tenancy }) => {
  const editor = await Operator.create(service, tenancy, "editor", newEmail("rui"));
  await page.goto("/operators");
  const row = page.getByRole("row").filter({ hasText: editor.email });
  await choose(page, editor.email, "Change role");
  await page
    .getByRole("dialog")
    .getByRole("radio", { name: /Read-only/ })
    .click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("Read-only");

  await choose(page, editor.email, "Remove");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(row).toHaveCount(0);
  await editor.dispose();
});

test("an operator is signed out everywhere", async ({ page, service, tenancy }) => {
  const editor = await Operator.create(service, tenancy, "editor", newEmail("rui"));
  await page.goto("/operators");
  await choose(page, editor.email, "Sessions");
  const dialog = page.getByRole("dialog", { name: `Sessions of ${editor.email}` });
  await expect(dialog.getByRole("listitem")).toHaveCount(1);
  await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(dialog).toBeHidden();
  await choose(page, editor.email, "Sessions");
  await expect(dialog).toContainText("Not signed in anywhere");
  await editor.dispose();
});

test("who ends their own sessions has signed out", async ({ page, operator, complaints }) => {
  complaints.expect(/status of 401/);
  await page.goto("/operators");
  await choose(page, operator.email, "Sessions");
  const dialog = page.getByRole("dialog", { name: `Sessions of ${operator.email}` });
  await expect(dialog).toContainText("This session");
  await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
  await expect(page).toHaveURL("/sign-in");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

for (const press of ["Deactivate", "Remove"]) {
  test(`who chooses ${press} for themselves has signed out`, async ({
    page,
    service,
    tenancy,
    operator,
    complaints,
  }) => {
    complaints.expect(/status of 401 .*\/v1\/session\)/);
    const other = await Operator.create(service, tenancy, "admin", newEmail("eva"));
    await page.goto("/operators");
    await choose(page, operator.email, press);
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("You will be signed out here, too");
    await dialog.getByRole("button", { name: press }).click();
    await expect(page.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
    await expect(page).toHaveURL("/sign-in");
    await expect(dialog).toHaveCount(0);
    await other.dispose();
  });
}

test("who takes another role goes on with it", async ({ page, service, tenancy, operator }) => {
  const other = await Operator.create(service, tenancy, "admin", newEmail("eva"));
  await page.goto("/operators");
  await choose(page, operator.email, "Change role");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /Read-only/ }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText(`${operator.email} now has the role Read-only`)).toBeVisible();
  await expect(page.getByRole("button", { name: `Operator menu: ${operator.email}` })).toContainText("Read-only");
  await expect(page.getByRole("heading", { name: "Only administrators manage operators" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Operators", exact: true })).toHaveCount(0);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await other.dispose();
});

test("one's own password is changed with the current one", async ({ page, operator, complaints }) => {
  complaints.expect(/status of 400/);
  await page.goto("/api-keys");
  await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
  await page.getByRole("menuitem", { name: "Change password" }).click();
  const dialog = page.getByRole("dialog", { name: "Change password" });
  await dialog.getByRole("textbox", { name: "Current password" }).fill("not the password");
  await dialog.getByRole("textbox", { name: "New password", exact: true }).fill("another long password");
  await dialog.getByRole("textbox", { name: "Repeat the new password" }).fill("another long passwort");
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(dialog).toContainText("The passwords do not match");
  await dialog.getByRole("textbox", { name: "Repeat the new password" }).fill("another long password");
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(dialog).toContainText("This is not your current password");
  await dialog.getByRole("textbox", { name: "Current password" }).fill(password);
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password was changed")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("button", { name: `Operator menu: ${operator.email}` })).toBeVisible();
});

test("the audit log tells in sentences who did what", async ({ page, admin, operator }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await admin.deactivate(key.client_id);
  await page.goto("/audit");
  const events = page.getByRole("main").getByRole("listitem");
  await expect(events.filter({ hasText: "api-key.deactivated" })).toContainText(operator.email);
  await expect(events.filter({ hasText: "api-key.created" })).toContainText("ERP integration");
  await page.getByRole("combobox", { name: "What" }).selectOption({ label: "API key deactivated" });
  await expect(events.filter({ hasText: "api-key.created" })).toHaveCount(0);
  await expect(events.filter({ hasText: "api-key.deactivated" })).toBeVisible();
  await page.getByRole("button", { name: "Verify log" }).click();
  await expect(page.getByRole("main").getByText("nothing was altered")).toBeVisible();
});
