import type { Locator, Page } from "@playwright/test";
import { expect, test } from "./fixtures/console";
import { fillKey, line, tabTo } from "./fixtures/screens";

/** Moves to an element with Tab and presses it. */
async function press(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  await tabTo(page, target);
  await page.keyboard.press("Enter");
}

/** Chooses an item from a menu opened by keyboard. */
async function pressItem(page: Page, button: Locator, name: string): Promise<void> {
  await press(page, button);
  const item = page.getByRole("menuitem", { name, exact: true });
  await expect(item).toBeVisible();
  while (!(await item.evaluate((element) => element === document.activeElement))) {
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
}

test.describe("a dialog that closes gives the focus back", () => {
  async function dismiss(page: Page, name: string): Promise<void> {
    const dialog = page.getByRole("dialog", { name });
    await expect(dialog).toBeVisible();
    await expect.poll(() => dialog.evaluate((element) => element.contains(document.activeElement))).toBe(true);
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
  }

  test("to the button that opened it", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await admin.rotate(key.client_id, 3600);
    await page.goto(`/api-keys/${key.client_id}`);
    for (const [name, title] of [
      ["Retire now", "Retire the old client secret?"],
      ["Cancel rotation", "Keep the old client secret?"],
      ["Generate new client secret", "Generate new client secret"],
    ] as const) {
      const button = page.getByRole("main").getByRole("button", { name, exact: true });
      await press(page, button);
      await dismiss(page, title);
      await expect(button).toBeFocused();
    }
  });

  test("to the button of the menu that it was chosen from", async ({ page, admin, operator }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${key.client_id}`);
    const more = page.getByRole("button", { name: "More actions" });
    await pressItem(page, more, "Revoke issued tokens");
    await dismiss(page, "Revoke issued tokens?");
    await expect(more).toBeFocused();

    const menu = page.getByRole("button", { name: `Operator menu: ${operator.email}` });
    await pressItem(page, menu, "Change password");
    await dismiss(page, "Change password");
    await expect(menu).toBeFocused();
  });

  test("to the button of the drawer in a narrow window", async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto("/api-keys");
    const button = page.getByRole("button", { name: "Open menu" });
    await press(page, button);
    await dismiss(page, "Menu");
    await expect(button).toBeFocused();
  });

  test("to a form that is not left after all", async ({ page }) => {
    await page.goto("/api-keys/new");
    await fillKey(page, "ERP integration");
    const back = page.getByRole("main").getByRole("link", { name: "API Keys" });
    await press(page, back);
    await dismiss(page, "Discard changes?");
    await expect(back).toBeFocused();
  });
});

test.describe("what vanishes when it is pressed leaves the focus near", () => {
  test("in the list", async ({ page, admin }) => {
    for (let each = 11; each > 0; each--) await admin.createKey({ name: `Key ${each}` });
    await page.goto("/api-keys");
    const pager = page.getByRole("navigation", { name: "Pages" });
    await press(page, page.getByRole("link", { name: "Next page" }));
    await expect(page).toHaveURL(/page=2/);
    await expect(pager.getByRole("link", { name: "Page 2" })).toBeFocused();
    await press(page, page.getByRole("link", { name: "Previous page" }));
    await expect(page).not.toHaveURL(/page=2/);
    await expect.poll(() => pager.evaluate((element) => element.contains(document.activeElement))).toBe(true);

    const search = page.getByRole("searchbox", { name: "Search API keys by name or client ID" });
    await tabTo(page, search);
    await page.keyboard.type("Key 5");
    await press(page, page.getByRole("button", { name: "Clear search" }));
    await expect(search).toBeFocused();
    await page.keyboard.type("nothing");
    await press(page, page.getByRole("button", { name: "Clear filters" }));
    await expect(line(page, "Key 5")).toBeVisible();
    const filters = page.getByRole("search");
    await expect.poll(() => filters.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  });

  test("with the line of a key that is no longer among those that are shown", async ({ page, admin }) => {
    for (const name of ["Second", "First"]) await admin.createKey({ name });
    await page.goto("/api-keys?status=active&sort_field=name&sort_order=ASC");
    await pressItem(page, page.getByRole("button", { name: "Actions for Second" }), "Deactivate");
    await expect(line(page, "Second")).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Actions for First" })).toBeFocused();
    await pressItem(page, page.getByRole("button", { name: "Actions for First" }), "Delete");
    await press(page, page.getByRole("dialog").getByRole("button", { name: "Delete API key" }));
    await expect(line(page, "First")).toHaveCount(0);
    const main = page.getByRole("main");
    await expect.poll(() => main.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  });

  test("in the form", async ({ page }) => {
    await page.goto("/api-keys/new");
    await page.getByRole("checkbox", { name: "Lighthouse, Alarms: Editor" }).check();
    await page.getByRole("checkbox", { name: "Lighthouse, Workspaces: Read-only" }).check();
    const remove = page.getByRole("button", { name: /^Remove lighthouse/ });
    await press(page, remove.last());
    await expect(remove).toHaveCount(1);
    await expect(remove).toBeFocused();
    const search = page.getByRole("searchbox", { name: "Search products and features" });
    await press(page, page.getByRole("button", { name: "Clear", exact: true }));
    await expect(remove).toHaveCount(0);
    await expect.poll(() => page.evaluate(() => document.activeElement?.closest("form") !== null)).toBe(true);
    await tabTo(page, search);
    await page.keyboard.type("alarms");
    await press(page, page.getByRole("button", { name: "Clear search" }));
    await expect(search).toBeFocused();
  });

  test("in the audit log", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    for (let each = 0; each < 51; each++) await admin.rename(key.client_id, `ERP ${each}`);
    await page.goto("/audit");
    const verify = page.getByRole("button", { name: "Verify log" });
    await press(page, verify);
    const close = page.getByRole("button", { name: "Close" });
    await expect(close).toBeVisible();
    await expect(verify, "it was disabled while the log was verified").toBeFocused();
    await press(page, close);
    await expect(close).toBeHidden();
    await expect(verify).toBeFocused();

    const events = page.getByRole("list", { name: "Events, newest first" }).getByRole("listitem");
    const last = events.nth((await events.count()) - 1).getByRole("button");
    await last.focus(); // reaching this with Tab would take a hundred presses
    await press(page, page.getByRole("button", { name: "Load more" }));
    await expect(page.getByRole("button", { name: "Load more" })).toHaveCount(0);
    await expect(last).toBeFocused();

    await page.getByRole("combobox", { name: "When" }).selectOption({ index: 1 });
    await press(page, page.getByRole("button", { name: "Clear filters" }));
    await expect(page.getByRole("combobox", { name: "When" })).toBeFocused();
  });

  test("in a dialog", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await admin.rotate(key.client_id, 3600);
    await page.goto(`/api-keys/${key.client_id}`);
    await press(page, page.getByRole("button", { name: "Generate new client secret" }));
    const dialog = page.getByRole("dialog", { name: "Generate new client secret" });
    const retire = dialog.getByRole("button", { name: "Retire now" });
    await press(page, retire);
    const question = page.getByRole("dialog", { name: "Retire the old client secret?" });
    await press(page, question.getByRole("button", { name: "Retire now" }));
    await expect(retire).toBeHidden();
    await expect.poll(() => dialog.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  });
});
