import { expect, test } from "./fixtures/console";
import { password } from "./fixtures/management";
import { clipboard, line, nameField, secretWindow, tabTo } from "./fixtures/screens";

const holdsFocus = (element: Element) => element.contains(document.activeElement);

test.describe("with the keyboard alone", () => {
  test.use({ signedIn: false });

  test("an operator signs in, creates a key and copies its secret", async ({ page, context, operator, complaints }) => {
    complaints.expect(/status of 401/);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const press = (key: string) => page.keyboard.press(key);
    const type = (text: string) => page.keyboard.type(text);

    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
    await tabTo(page, page.getByRole("textbox", { name: "Email" }));
    await type(operator.email);
    await tabTo(page, page.getByRole("textbox", { name: "Password" }));
    await type(password);
    await press("Enter");

    await tabTo(page, page.getByRole("link", { name: "Add" }).first());
    await press("Enter");
    await expect(page).toHaveURL("/api-keys/new");
    await tabTo(page, nameField(page));
    await type("ERP integration");
    await tabTo(page, page.getByRole("textbox", { name: "Description" }));
    await type("Nightly export");
    await tabTo(page, page.getByRole("searchbox", { name: "Search products and features" }));
    await type("alarms");
    await tabTo(page, page.getByRole("checkbox", { name: "Lighthouse, Alarms: Editor" }));
    await press("Space");
    await tabTo(page, page.getByRole("textbox", { name: "Value" }));
    await press("ControlOrMeta+a");
    await type("30");
    await tabTo(page, page.getByRole("radio", { name: "Hours" }));
    await press("ArrowRight");
    await expect(page.getByRole("radio", { name: "Minutes" })).toBeChecked();
    await tabTo(page, page.getByRole("button", { name: "Save" }));
    await press("Enter");

    const window = secretWindow(page);
    await expect(window).toBeVisible();
    await expect.poll(() => window.evaluate(holdsFocus)).toBe(true);
    await tabTo(page, window.getByRole("button", { name: "Copy client secret" }));
    await press("Enter");
    await expect.poll(() => clipboard(page)).toMatch(/^aks_\w+$/);
    await press("Escape");
    await expect(line(page, "ERP integration")).toContainText("30 minutes");
    await expect(page.locator("#main")).toBeFocused();
  });

  test("a password that is missing is seen to have the focus", async ({ page, complaints }) => {
    complaints.expect(/status of 401/);
    await page.goto("/");
    await page.getByRole("textbox", { name: "Email" }).fill("ana@example.com");
    await page.getByRole("button", { name: "Sign in" }).click();
    const field = page.getByRole("textbox", { name: "Password" });
    await expect(field).toBeFocused();
    await expect(field.locator("..")).not.toHaveCSS("box-shadow", "none");
  });
});

test("dialogs keep the focus inside, and give it back", async ({ page, admin }) => {
  await admin.createKey({ name: "ERP integration" });
  await page.goto("/api-keys");
  const trigger = page.getByRole("button", { name: "Actions for ERP integration" });
  for (const action of ["Generate new client secret", "Delete"]) {
    await tabTo(page, trigger);
    await page.keyboard.press("Enter");
    const item = page.getByRole("menuitem", { name: action });
    await expect(item).toBeVisible();
    while (!(await item.evaluate((element) => element === document.activeElement)))
      await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await expect(dialog).toBeVisible();
    await expect.poll(() => dialog.evaluate(holdsFocus)).toBe(true); // it takes the focus a moment after it appears
    for (let presses = 0; presses < 12; presses++) {
      await page.keyboard.press("Tab");
      expect(await dialog.evaluate(holdsFocus)).toBe(true);
    }
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await expect(trigger).toBeFocused();
  }
});

test("the first Tab skips to the content", async ({ page, admin }) => {
  await admin.createKey({ name: "ERP integration" });
  await page.goto("/api-keys");
  await expect(line(page, "ERP integration")).toBeVisible();
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
});

test("times are absolute on focus, and found keys are announced", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await admin.use(key);
  await page.goto("/api-keys");
  await tabTo(page, line(page, "ERP integration").locator("time[tabindex]"));
  await expect(page.getByRole("tooltip")).toContainText(String(new Date().getFullYear()));
  await page.getByRole("searchbox", { name: "Search API keys by name or client ID" }).fill("erp");
  await expect(page.locator("[aria-live=polite]").getByText("1 API key found")).toBeAttached();
});

test("Escape puts a hint in a dialog away before the dialog", async ({ page, operator }) => {
  await page.goto("/operators");
  await page.getByRole("button", { name: `Actions for ${operator.email}` }).click();
  await page.getByRole("menuitem", { name: "Sessions" }).click();
  const dialog = page.getByRole("dialog", { name: `Sessions of ${operator.email}` });
  const hint = page.getByRole("tooltip");
  await tabTo(page, dialog.locator("time").first());
  await expect(hint).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(hint).toHaveCount(0);
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
});

test("tabs of a key's page are passed with the arrows and opened with Enter", async ({ page, admin }) => {
  const { client_id } = await admin.createKey({ name: "ERP integration" });
  await page.goto(`/api-keys/${client_id}`);
  await page.getByRole("tab", { name: "Overview" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  const denials = page.getByRole("tab", { name: "Denials" });
  await expect(denials).toBeFocused();
  await expect(page).toHaveURL(`/api-keys/${client_id}`);
  await page.keyboard.press("Enter");
  await expect(denials).toHaveAttribute("aria-selected", "true");
  await expect(page).toHaveURL(/tab=denials/);
});

for (const width of [1280, 1000, 320]) {
  test(`what has the focus is not behind what stays at the top, ${width} px wide`, async ({ page }) => {
    await page.setViewportSize({ width, height: 500 });
    await page.goto("/api-keys/new");
    await page.getByRole("checkbox").last().focus();
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press("Shift+Tab");
      const name = await page.evaluate(() => {
        const focused = document.activeElement;
        if (!focused) return "nothing";
        const { left, right, top, bottom } = focused.getBoundingClientRect();
        const edges = [top, (top + bottom) / 2, bottom - 1].map((y) =>
          document.elementFromPoint((left + right) / 2, y),
        );
        return edges.every((edge) => focused.parentElement?.contains(edge)) ? "" : focused.ariaLabel;
      });
      expect(name, "it is seen").toBe("");
    }
  });
}

test("the bar of a narrow window gets the focus without moving the page", async ({ page }) => {
  await page.setViewportSize({ width: 1000, height: 500 });
  await page.goto("/api-keys/new");
  await page.getByRole("checkbox").last().focus();
  const scrolled = () => page.evaluate(() => window.scrollY);
  const before = await scrolled();
  await page.getByRole("button", { name: "Open menu" }).focus();
  expect(await scrolled()).toBe(before);
});
