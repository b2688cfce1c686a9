import { expect, test } from "./fixtures/console";
import { newEmail, Operator, password } from "./fixtures/management";
import { choose } from "./fixtures/screens";

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

test("one's own password is changed with the present one", async ({ page, operator, complaints }) => {
  complaints.expect(/status of 400/);
  await page.goto("/api-keys");
  await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
  await page.getByRole("menuitem", { name: "Change password" }).click();
  const dialog = page.getByRole("dialog", { name: "Change password" });
  await dialog.getByRole("textbox", { name: "Current password" }).fill("not the password");
  await dialog.getByRole("textbox", { name: "New password", exact: true }).fill("another long password");
  await dialog.getByRole("textbox", { name: "Repeat the new password" }).fill("another long passwort");
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(dialog).toContainText("This is not the same password");
  await dialog.getByRole("textbox", { name: "Repeat the new password" }).fill("another long password");
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(dialog).toContainText("This is not your password");
  await dialog.getByRole("textbox", { name: "Current password" }).fill(password);
  await dialog.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password was changed")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("button", { name: `Operator menu: ${operator.email}` })).toBeVisible();
});
