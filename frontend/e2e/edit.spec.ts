import { gate } from "../src/test/gate";
import { expect, test } from "./fixtures/console";
import { fillKey, line, nameField, names, save } from "./fixtures/screens";

test.describe("two tabs that edit one key", () => {
  test("the second is shown what the first changed, and reapplies its own changes", async ({
    page,
    context,
    admin,
    complaints,
  }) => {
    complaints.expect(/status of 412/);
    const { client_id } = await admin.createKey({ name: "ERP integration", description: "Nightly export" });
    const path = `/api-keys/${client_id}/edit`;
    await page.goto(path);
    await expect(nameField(page)).toHaveValue("ERP integration");
    const colleague = await context.newPage();
    await colleague.goto(path);
    await nameField(colleague).fill("ERP, new contract");
    await colleague.getByRole("checkbox", { name: "CCA: Read-only" }).check();
    await colleague.getByRole("textbox", { name: "Rate limit" }).fill("120");
    await save(colleague);
    await expect(colleague).toHaveURL(`/api-keys/${client_id}`);
    await expect(colleague.getByText("120 token requests per minute")).toBeVisible();

    await page.bringToFront();
    await page.getByRole("textbox", { name: "Description" }).fill("Hourly export");
    await page.getByRole("checkbox", { name: "Spot: Read-only" }).check();
    await save(page);
    const dialog = page.getByRole("dialog", { name: "This key has changed" });
    const row = (field: string) =>
      dialog.getByRole("row").filter({ has: page.getByRole("rowheader", { name: field }) });
    await expect(row("Name")).toContainText("ERP, new contract");
    await expect(row("Name")).toContainText("(not changed by you)");
    await expect(row("Description")).toContainText("Hourly export");
    await expect(row("Rate limit")).toContainText("120 token requests per minute");
    await expect(row("Scopes")).toContainText("cca:readonly");
    await expect(row("Scopes")).toContainText("spot:readonly");
    await dialog.getByRole("button", { name: "Reapply my changes" }).click();

    await expect(page).toHaveURL(`/api-keys/${client_id}`);
    expect(await admin.key(client_id)).toMatchObject({
      name: "ERP, new contract",
      description: "Hourly export",
      rate_limit: 120,
      scopes: expect.arrayContaining(["lighthouse.workspaces:readonly", "cca:readonly", "spot:readonly"]),
    });
  });

  test("the second may take what the first saved", async ({ page, context, admin, complaints }) => {
    complaints.expect(/status of 412/);
    const { client_id } = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${client_id}/edit`);
    await nameField(page).fill("Mine");
    const colleague = await context.newPage();
    await colleague.goto(`/api-keys/${client_id}/edit`);
    await nameField(colleague).fill("Theirs");
    await save(colleague);
    await expect(colleague.getByRole("heading", { name: "Theirs" })).toBeVisible();
    await save(page);
    await page.getByRole("dialog").getByRole("button", { name: "Discard mine, take theirs" }).click();
    await expect(nameField(page)).toHaveValue("Theirs");
    expect((await admin.key(client_id)).name).toBe("Theirs");
  });
});

test.describe("what is wrong stands at its field", () => {
  test("when nothing was filled in", async ({ page }) => {
    await page.goto("/api-keys/new");
    await save(page);
    await expect(nameField(page)).toBeFocused();
    await expect(nameField(page)).toHaveAccessibleDescription(/Enter a name\./);
    await expect(page.getByText("Select at least one scope.")).toBeVisible();
    await expect(page.getByRole("dialog")).toHaveCount(0);
  });

  test("also when only the service knows that the name is taken, whatever its case", async ({
    page,
    admin,
    complaints,
  }) => {
    complaints.expect(/status of 409/);
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys/new");
    await fillKey(page, "  erp INTEGRATION ");
    await save(page);
    await expect(nameField(page)).toHaveAttribute("aria-invalid", "true");
    await expect(nameField(page)).toHaveAccessibleDescription(/Another API key has this name\. Choose another one\./);
    await expect(nameField(page)).toBeFocused();
    await nameField(page).fill("ERP integration 2");
    await save(page);
    await expect(page.getByRole("dialog", { name: "API key created" })).toBeVisible();
  });

  test("also when editing", async ({ page, admin, complaints }) => {
    complaints.expect(/status of 409/);
    await admin.createKey({ name: "Taken" });
    const { client_id } = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${client_id}/edit`);
    await nameField(page).fill("Taken");
    await save(page);
    await expect(nameField(page)).toHaveAccessibleDescription(/Another API key has this name/);
    await expect(nameField(page)).toBeFocused();
  });
});

test.describe("unsaved changes", () => {
  test("are not left without asking", async ({ page }) => {
    await page.goto("/api-keys");
    await page.getByRole("link", { name: "Add" }).first().click();
    await nameField(page).fill("ERP integration");
    const question = page.getByRole("dialog", { name: "Discard changes?" });
    const leaves = [
      () => page.getByRole("button", { name: "Cancel" }).click(),
      () => page.getByRole("navigation", { name: "Main menu" }).getByRole("link", { name: "API Keys" }).click(),
      () => page.evaluate(() => history.back()),
    ];
    for (const leave of leaves) {
      await leave();
      await expect(question).toBeVisible();
      await question.getByRole("button", { name: "Keep editing" }).click();
      await expect(question).toBeHidden();
      await expect(nameField(page)).toHaveValue("ERP integration");
    }
    await page.getByRole("button", { name: "Cancel" }).click();
    await question.getByRole("button", { name: "Discard" }).click();
    await expect(page).toHaveURL("/api-keys");
  });

  test("are not said to be lost while they are being saved", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await page.getByRole("link", { name: "ERP integration", exact: true }).click();
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("ERP export");
    const { opened, open } = gate();
    const asked = page.waitForRequest((request) => request.method() === "PATCH");
    await page.route(`**/v1/api-keys/${key.client_id}`, async (route) => {
      if (route.request().method() === "PATCH") await opened;
      await route.continue();
    });
    await page.getByRole("button", { name: "Save" }).click();
    await asked;
    await page.evaluate(() => history.back());
    await expect(page.getByRole("dialog")).toBeHidden();
    await expect(page.getByRole("heading", { name: "Edit API key" })).toBeVisible();
    open();
    await expect(page.getByText("“ERP export” was saved.")).toBeVisible();
    await expect(page.getByRole("heading", { name: "ERP export" })).toBeVisible();
  });

  test("hold the tab", async ({ page, admin }) => {
    const { client_id } = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${client_id}/edit`);
    await nameField(page).fill("Other");
    const asked = page.waitForEvent("dialog");
    const closing = page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe("beforeunload");
    await dialog.dismiss();
    await closing;
    await expect(nameField(page)).toHaveValue("Other");
  });

  test("are not in the way of the link to the content", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${key.client_id}/edit`);
    await nameField(page).fill("Changed");
    await page.getByRole("link", { name: "Skip to content" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("main")).toBeFocused();
    await expect(page).toHaveURL(`/api-keys/${key.client_id}/edit`);
  });

  test("that were taken back hold nobody", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration", scopes: ["cca:readonly", "spot:readonly"] });
    await page.goto("/api-keys");
    await names(page).first().click();
    await page.getByRole("link", { name: "Edit" }).click();
    await nameField(page).fill("Other");
    await nameField(page).fill("ERP integration");
    const scope = page.getByRole("checkbox", { name: "CCA: Read-only" });
    await scope.uncheck();
    await scope.check();
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("heading", { name: "ERP integration" })).toBeVisible();
    await page.getByRole("link", { name: "API Keys" }).first().click();
    await expect(line(page, "ERP integration")).toBeVisible();
  });
});
