import type { Locator, Page } from "@playwright/test";
import { gate } from "../src/test/gate";
import { expect, test } from "./fixtures/console";
import { choose, line, secretWindow, shownSecret } from "./fixtures/screens";

async function rotate(page: Page, choice: RegExp): Promise<string> {
  const confirmation = page.getByRole("dialog", { name: "Generate new client secret" });
  await confirmation.getByRole("radio", { name: choice }).click();
  await confirmation.getByRole("button", { name: "Generate new client secret" }).click();
  const window = secretWindow(page, "New client secret");
  const secret = await shownSecret(window);
  await window.getByRole("checkbox", { name: "I have stored the client secret" }).check();
  await window.getByRole("button", { name: "Close" }).last().click();
  await expect(window).toBeHidden();
  return secret;
}

/** The centre of an element on the screen. */
async function middle(shown: Locator): Promise<{ x: number; y: number }> {
  const box = await shown.boundingBox();
  if (!box) throw new Error("it is not drawn");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

test.describe("a new client secret", () => {
  test("may leave the old one working for a while, until it is retired", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${key.client_id}`);
    await page.getByRole("button", { name: "Generate new client secret" }).click();
    const fresh = await rotate(page, /Keep the old one for 1 hour/);

    const secrets = page.getByRole("region", { name: "Client secrets" });
    await expect(secrets).toContainText("Two secrets are valid");
    await expect(secrets.getByRole("listitem")).toHaveCount(2);
    await expect(secrets).toContainText("Valid until");
    for (const secret of [key.client_secret, fresh]) {
      expect((await admin.exchange(key.client_id, secret)).status).toBe(201);
    }
    await page.getByRole("link", { name: "API Keys" }).first().click();
    await expect(line(page, "ERP integration")).toContainText("Two secrets");
    await line(page, "ERP integration").getByText("Two secrets").hover();
    await expect(page.getByRole("tooltip")).toContainText("The old client secret works until");

    await page.getByRole("link", { name: "ERP integration", exact: true }).click();
    await secrets.getByRole("button", { name: "Retire now" }).click();
    await page
      .getByRole("dialog", { name: "Retire the old client secret?" })
      .getByRole("button", { name: "Retire now" })
      .click();
    await expect(secrets.getByRole("listitem")).toHaveCount(1);
    await expect.poll(async () => (await admin.exchange(key.client_id, key.client_secret)).status).toBe(401);
    expect((await admin.exchange(key.client_id, fresh)).status).toBe(201);
  });

  test("never makes three valid ones", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await admin.rotate(key.client_id, 3600);
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Generate new client secret");
    const confirmation = page.getByRole("dialog", { name: "Generate new client secret" });
    await expect(confirmation).toContainText("Only two secrets can be valid at a time");
    await expect(confirmation.getByRole("radio", { name: /Replace now/ })).not.toBeChecked();
    await expect(confirmation.getByRole("button", { name: "Generate new client secret" })).toBeDisabled();
    for (const choice of [/1 hour/, /24 hours/, /7 days/]) {
      await expect(confirmation.getByRole("radio", { name: choice })).toBeDisabled();
    }
    await confirmation.getByRole("button", { name: "Retire now" }).click();
    await page
      .getByRole("dialog", { name: "Retire the old client secret?" })
      .getByRole("button", { name: "Retire now" })
      .click();
    await expect(confirmation.getByRole("radio", { name: /24 hours/ })).toBeEnabled();
    await rotate(page, /24 hours/);
    await expect(line(page, "ERP integration")).toContainText("Two secrets");
  });
});

test.describe("deactivating", () => {
  test("can be undone from its message", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Deactivate");
    await expect(page.getByRole("status").getByText("“ERP integration” is inactive")).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(line(page, "ERP integration").getByText("Active", { exact: true })).toBeVisible();
    await expect(page.getByRole("status").getByText("Programs need to obtain new tokens")).toBeVisible();
    await expect.poll(async () => (await admin.exchange(key.client_id, key.client_secret)).status).toBe(201);
  });

  test("can be undone with the keyboard", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Deactivate");
    await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
    await page.keyboard.press("F8");
    await expect(page.getByRole("button", { name: "Undo" })).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(line(page, "ERP integration").getByText("Active", { exact: true })).toBeVisible();
  });

  test("is offered on the key's page too", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${key.client_id}`);
    await page.getByRole("button", { name: "Deactivate" }).click();
    await expect(page.getByRole("button", { name: "Activate" })).toBeVisible();
    await expect(page.getByRole("main").getByText("Inactive", { exact: true })).toBeVisible();
  });

  test("is not taken back by the rest of a double click, or by Enter that is held", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${key.client_id}`);
    await page.getByRole("button", { name: "Deactivate" }).click();
    await expect(page.getByRole("status").getByText("“ERP integration” is inactive")).toBeVisible();
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await expect(page.getByRole("button", { name: "Activate" })).toBeFocused();
    expect((await admin.key(key.client_id)).status).toBe("inactive");

    await page.keyboard.down("Enter");
    await expect(page.getByRole("status").getByText("“ERP integration” is active")).toBeVisible();
    await page.keyboard.down("Enter");
    await page.keyboard.up("Enter");
    await expect(page.getByRole("button", { name: "Deactivate" })).toBeFocused();
    expect((await admin.key(key.client_id)).status).toBe("active");
  });
});

test.describe("what a change says", () => {
  test("a key can be deactivated by who has looked at the audit log", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/audit");
    await expect(page.getByText("ERP integration").first()).toBeVisible();
    await page.getByRole("link", { name: "API Keys", exact: true }).click();
    await choose(page, "ERP integration", "Deactivate");
    await expect(page.getByRole("status").getByText("“ERP integration” is inactive")).toBeVisible();
    await expect.poll(async () => (await admin.exchange(key.client_id, key.client_secret)).status).toBe(401);
  });

  test("a refusal is told of each change, also on another page", async ({ page, admin, complaints }) => {
    complaints.expect(/status of 503/);
    await admin.createKey({ name: "First" });
    await admin.createKey({ name: "Second" });
    const { opened, open } = gate();
    await page.route("**/deactivate", async (route) => {
      await opened;
      await route.fulfill({ status: 503, json: { code: "service/unavailable" } });
    });
    await page.goto("/api-keys");
    await choose(page, "First", "Deactivate");
    await choose(page, "Second", "Deactivate");
    await page.getByRole("link", { name: "Usage", exact: true }).click();
    await expect(page.getByRole("heading", { name: "Usage", level: 1 })).toBeVisible();
    open();
    for (const name of ["First", "Second"]) {
      await expect(page.getByText(`“${name}” could not be deactivated`)).toBeVisible();
    }
  });

  test("the history shows what was done beside it", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${key.client_id}?tab=history`);
    await expect(page.getByText("created the API key")).toBeVisible();
    await page.getByRole("button", { name: "Deactivate" }).click();
    await expect(page.getByText("deactivated the API key", { exact: true })).toBeVisible();
  });

  test("a secret that is on its way is waited for", async ({ page, admin }) => {
    const { opened, open } = gate();
    await page.route("**/rotate-secret", async (route) => {
      await opened;
      await route.continue();
    });
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await page.getByRole("link", { name: "ERP integration", exact: true }).click();
    await page.getByRole("button", { name: "Generate new client secret" }).click();
    const confirmation = page.getByRole("dialog", { name: "Generate new client secret" });
    await confirmation.getByRole("radio", { name: /Replace now/ }).click();
    const confirm = confirmation.getByRole("button", { name: "Generate new client secret" });
    await confirm.click();
    await expect(confirmation.getByRole("button", { name: "Cancel" })).toBeDisabled();
    const button = await middle(confirm);
    const sign = await middle(confirm.locator(".mantine-Loader-root"));
    expect(Math.hypot(sign.x - button.x, sign.y - button.y)).toBeLessThan(3);
    await page.keyboard.press("Escape");
    await page.evaluate(() => history.back());
    await expect(page).toHaveURL(`/api-keys/${key.client_id}`);
    open();
    const secret = await shownSecret(secretWindow(page, "New client secret"));
    expect((await admin.exchange(key.client_id, secret)).status).toBe(201);
  });

  test("what answers instead of the service is not believed", async ({ page, admin, complaints }) => {
    complaints.expect(/status of 504/);
    const key = await admin.createKey({ name: "ERP integration" });
    await page.route("**/deactivate", (route) => route.fulfill({ status: 504, body: "<html>" }));
    await page.goto(`/api-keys/${key.client_id}`);
    await page.getByRole("button", { name: "Deactivate" }).click();
    await expect(page.getByText("check whether the change was made before you try again")).toBeVisible();
  });
});

test.describe("deleting a key that is in use", () => {
  test("wants its name typed", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await admin.use(key);
    await page.goto(`/api-keys/${key.client_id}`);
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete API key?" });
    await expect(dialog).toContainText("This key is in use");
    const field = dialog.getByRole("textbox", { name: "Type ERP integration to confirm" });
    await expect(field).toBeFocused();
    const confirm = dialog.getByRole("button", { name: "Delete API key" });
    await expect(confirm).toBeDisabled();
    await field.fill("ERP");
    await expect(confirm).toBeDisabled();
    await field.fill("ERP integration");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL("/api-keys");
    await expect(page.getByRole("heading", { name: "No API keys yet" })).toBeVisible();
  });

  test("is noticed also by a screen that was loaded before the key was used", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await expect(line(page, "ERP integration")).toContainText("Never");
    await admin.use(key);
    await choose(page, "ERP integration", "Delete");
    await expect(page.getByRole("textbox", { name: "Type ERP integration to confirm" })).toBeVisible();
  });
});

test("the key's page shows what uses the key, and ends the tokens issued so far", async ({ page, admin, service }) => {
  const key = await admin.createKey({ name: "ERP integration", description: "Nightly export", scopes: ["cca:editor"] });
  const token = await admin.use(key);
  const introspect = async () => {
    const answer = await fetch(`${service.url}/oauth2/introspect`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`${key.client_id}:${key.client_secret}`)}` },
      body: new URLSearchParams({ token }),
    });
    const { active }: { active: boolean } = await answer.json();
    return active;
  };
  expect(await introspect()).toBe(true);
  await page.goto(`/api-keys/${key.client_id}`);
  const main = page.getByRole("main");
  for (const text of [key.client_id, "Nightly export", "1 hour", "CCA", "cca:editor", "127.0.0.1"]) {
    await expect(main.getByText(text, { exact: true }).first()).toBeVisible();
  }
  await expect(main.getByRole("tab", { name: "cURL /oauth2/token" })).toHaveAttribute("aria-selected", "true");
  await main.getByRole("time").first().hover();
  const hint = page.getByRole("tooltip");
  await expect(hint).toContainText(String(new Date().getFullYear()));
  await hint.hover();
  await expect(hint).toBeVisible();
  await page.mouse.move(0, 0);
  await expect(hint).toHaveCount(0);

  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Revoke issued tokens" }).click();
  const dialog = page.getByRole("dialog", { name: "Revoke issued tokens?" });
  await dialog.getByRole("button", { name: "Revoke issued tokens" }).click();
  await expect(dialog).toBeHidden();
  await expect.poll(introspect).toBe(false);
  expect((await admin.exchange(key.client_id, key.client_secret)).status, "the key lives on").toBe(201);
});
