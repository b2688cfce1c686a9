import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "./fixtures/console";
import { choose, clipboard, fillKey, line, save, secretWindow, shownSecret } from "./fixtures/screens";
import { verified } from "./fixtures/token";

const run = promisify(execFile);

async function createKey(page: Page): Promise<{ window: Locator; secret: string }> {
  await page.goto("/api-keys");
  await page.getByRole("link", { name: "Add" }).first().click();
  await fillKey(page, "ERP integration");
  await save(page);
  const window = secretWindow(page);
  return { window, secret: await shownSecret(window) };
}

function question(page: Page): Locator {
  return page.getByRole("dialog", { name: "Close without the client secret?" });
}

function tick(window: Locator): Promise<void> {
  return window.getByRole("checkbox", { name: "I have stored the client secret" }).check();
}

function close(window: Locator): Promise<void> {
  return window.getByRole("button", { name: "Close" }).last().click();
}

/** Everything in a page that a script could read, now or later. */
async function everythingIn(page: Page): Promise<string> {
  const kept = await page.evaluate(async () =>
    JSON.stringify([
      { ...localStorage },
      { ...sessionStorage },
      history.state,
      location.href,
      document.cookie,
      document.title,
      performance.getEntries().map((entry) => entry.name),
      await indexedDB.databases(),
      await caches.keys(),
      [...document.querySelectorAll("input, textarea")].map((field) => Reflect.get(field, "value")),
    ]),
  );
  return kept + (await page.content());
}

/** The contents of the page's heap after garbage collection. */
async function memoryOf(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await session.detach();
  return chunks.join("");
}

test.describe("afterwards the secret is gone", () => {
  test("from the page, the history and storage, whatever the operator does next", async ({ page }) => {
    const { window, secret } = await createKey(page);
    expect(await everythingIn(page), "the check sees a secret that is shown").toContain(secret);
    await tick(window);
    await close(window);
    await expect(line(page, "ERP integration")).toBeVisible();
    expect(await everythingIn(page)).not.toContain(secret);

    await page.goBack();
    expect(await everythingIn(page)).not.toContain(secret);
    await page.goForward();
    await page.getByRole("link", { name: "ERP integration", exact: true }).click();
    await expect(page.getByRole("region", { name: "Client secrets" })).toContainText("Current");
    expect(await everythingIn(page)).not.toContain(secret);
    await page.reload();
    await expect(page.getByRole("region", { name: "Client secrets" })).toBeVisible();
    expect(await everythingIn(page)).not.toContain(secret);
  });

  test("from the page's memory, and so from the query cache", async ({ page }) => {
    const { window, secret } = await createKey(page);
    expect(await memoryOf(page), "the check sees a secret that is shown").toContain(secret);
    await tick(window);
    await close(window);
    await page.getByRole("link", { name: "ERP integration", exact: true }).click();
    await expect(page.getByRole("region", { name: "Client secrets" })).toBeVisible();
    await page.getByRole("link", { name: "API Keys" }).first().click();
    await expect(line(page, "ERP integration")).toBeVisible();
    // A single heap snapshot takes seconds on a busy machine.
    await expect.poll(() => memoryOf(page), { timeout: 30_000 }).not.toContain(secret);
  });

  test("also after a new one was generated", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Generate new client secret");
    await page.getByRole("dialog").getByRole("button", { name: "Generate new client secret" }).click();
    const window = secretWindow(page, "New client secret");
    const secret = await shownSecret(window);
    await tick(window);
    await close(window);
    await expect(window).toBeHidden();
    expect(await everythingIn(page)).not.toContain(secret);
    await expect(page.getByRole("button", { name: "Actions for ERP integration" })).toBeFocused();
  });
});

test.describe("every way out asks while the secret is not stored", () => {
  const ways: [string, (page: Page, window: Locator) => Promise<void>][] = [
    ["Esc", (page) => page.keyboard.press("Escape")],
    ["a click outside", (page) => page.mouse.click(8, 400)],
    ["the X", (_page, window) => window.getByRole("button", { name: "Close" }).first().click()],
    ["Close", (_page, window) => close(window)],
    ["Back", (page) => page.evaluate(() => history.back())],
  ];

  test("and goes back to the secret, or closes", async ({ page }) => {
    const { window, secret } = await createKey(page);
    for (const [way, leave] of ways) {
      await test.step(way, async () => {
        await leave(page, window);
        await expect(question(page)).toBeVisible();
        await question(page).getByRole("button", { name: "Go back" }).click();
        await expect(question(page)).toBeHidden();
        await expect(window).toContainText(secret);
      });
    }
    await close(window);
    await question(page).getByRole("button", { name: "Close anyway" }).click();
    await expect(page).toHaveURL("/api-keys");
    await expect(line(page, "ERP integration")).toBeVisible();
    expect(await everythingIn(page)).not.toContain(secret);
  });

  test("and is gone from the screen behind, too, after Back to where it was opened", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await page.getByRole("radiogroup").getByText("Active", { exact: true }).click();
    await expect(page).toHaveURL(/status=active/);
    await choose(page, "ERP integration", "Generate new client secret");
    await page.getByRole("dialog").getByRole("button", { name: "Generate new client secret" }).click();
    const window = secretWindow(page, "New client secret");
    const secret = await shownSecret(window);
    await page.evaluate(() => history.back());
    await question(page).getByRole("button", { name: "Close anyway" }).click();
    await expect(page).not.toHaveURL(/status=active/);
    await expect(window).toBeHidden();
    expect(await everythingIn(page)).not.toContain(secret);
  });

  test("also when the operator may no longer write", async ({ page }) => {
    const { window, secret } = await createKey(page);
    await page.route("**/v1/session", async (route) => {
      const response = await route.fetch();
      const session = await response.json();
      await route.fulfill({ response, json: { ...session, operator: { ...session.operator, role: "readonly" } } });
    });
    await page.evaluate(() => globalThis.dispatchEvent(new Event("focus")));
    await expect(page.getByText("Your role is read-only")).toBeAttached();
    await expect(window).toContainText(secret);
  });

  test("the browser asks before the tab is closed or reloaded", async ({ page }) => {
    const { secret, window } = await createKey(page);
    const asked = page.waitForEvent("dialog");
    const closing = page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe("beforeunload");
    await dialog.dismiss();
    await closing;
    await expect(window).toContainText(secret);
    await tick(window);
    await page.reload();
    await expect(page.getByRole("heading", { name: "Add API key" })).toBeVisible();
    expect(await everythingIn(page)).not.toContain(secret);
  });

  test("a ticked box lets go, also after it was taken back once", async ({ page }) => {
    const { window } = await createKey(page);
    const box = window.getByRole("checkbox", { name: "I have stored the client secret" });
    await box.check();
    await box.uncheck();
    await page.keyboard.press("Escape");
    await expect(question(page)).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(question(page)).toBeHidden();
    await box.check();
    await page.keyboard.press("Escape");
    await expect(page).toHaveURL("/api-keys");
  });
});

test.describe("copying", () => {
  test("lets the window close, once the clipboard accepted", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const { window, secret } = await createKey(page);
    await window.getByRole("button", { name: "Copy client ID" }).click();
    await page.keyboard.press("Escape");
    await expect(question(page), "the client ID is not the secret").toBeVisible();
    await question(page).getByRole("button", { name: "Go back" }).click();
    await window.getByRole("button", { name: "Copy client secret" }).click();
    await expect.poll(() => clipboard(page)).toBe(secret);
    await page.keyboard.press("Escape");
    await expect(page).toHaveURL("/api-keys");
  });

  test("is where the window starts, and isn't done by the key that opened it", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto("/api-keys/new");
    await fillKey(page, "ERP integration");
    await page.getByRole("button", { name: "Save", exact: true }).focus();
    await page.keyboard.down("Enter");
    const window = secretWindow(page);
    const copy = window.getByRole("button", { name: "Copy client secret" });
    await expect(copy).toBeFocused();
    await page.keyboard.down("Enter");
    await page.keyboard.up("Enter");
    await page.keyboard.press("Escape");
    await expect(question(page), "nothing was copied").toBeVisible();
    await question(page).getByRole("button", { name: "Go back" }).click();
    await expect(copy).toBeFocused();
    await page.keyboard.press("Enter");
    await expect.poll(() => clipboard(page)).toBe(await shownSecret(window));
  });

  test("selects the text, and claims nothing, where the clipboard refuses", async ({ page, context }) => {
    const { window, secret } = await createKey(page);
    const session = await context.newCDPSession(page);
    const { browserContextId } = (await session.send("Target.getTargetInfo")).targetInfo;
    const permission = { name: "clipboard-write" };
    await session.send("Browser.setPermission", { permission, setting: "denied", browserContextId });
    await window.getByRole("button", { name: "Copy client secret" }).click();
    await expect(page.getByRole("tooltip")).toContainText("The text is selected: press Ctrl+C");
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(secret);
    await expect(page.getByText("Copied", { exact: true })).toHaveCount(0);
    await page.setViewportSize({ width: 320, height: 720 });
    await expect(page.getByRole("tooltip"), "all of it can be read on a phone").toBeInViewport({ ratio: 1 });
    await page.keyboard.press("Escape");
    await expect(page.getByRole("tooltip")).toHaveCount(0);
    await expect(question(page), "Escape was meant for the hint").toHaveCount(0);
    await page.keyboard.press("Escape");
    await expect(question(page), "nothing was copied").toBeVisible();
  });
});

test.describe("the snippets", () => {
  test("with cURL work as pasted, and the token is one that resource servers accept", async ({
    page,
    context,
    service,
  }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const { window } = await createKey(page);
    const clientId = await window.getByText(/^ak_\w+$/).innerText();
    const paste = async (tab: string) => {
      await window.getByRole("tab", { name: tab, exact: true }).click();
      await window.getByRole("button", { name: `Copy ${tab} snippet` }).click();
      await expect(window.getByText("Copied", { exact: true })).toBeVisible();
      const { stdout } = await run("sh", ["-c", await clipboard(page)]);
      return JSON.parse(stdout);
    };

    const auth = await paste("cURL /auth");
    const oauth = await paste("cURL /oauth2/token");
    for (const token of [auth.data.access_token, oauth.access_token]) {
      const claims = await verified(token, service.url);
      expect(claims).toMatchObject({ client_id: clientId, scope: "lighthouse.workspaces:readonly" });
      expect(claims.exp - claims.iat).toBe(3600);
    }
    await page.keyboard.press("Escape");
    await expect(page, "a snippet that holds the secret was copied").toHaveURL("/api-keys");
  });

  test("hold the secret in .env and cURL, and read it from the environment in programs", async ({ page, service }) => {
    const { window, secret } = await createKey(page);
    const code = window.getByRole("tabpanel");
    await expect(code).toContainText(`API_TOKEN_URL=${service.url}/oauth2/token`);
    await expect(code).toContainText(`API_CLIENT_SECRET=${secret}`);
    for (const [tab, reads] of [
      ["Go", 'os.Getenv("API_CLIENT_SECRET")'],
      ["Python", 'os.environ["API_CLIENT_SECRET"]'],
      ["TypeScript", "process.env"],
    ] as const) {
      await window.getByRole("tab", { name: tab, exact: true }).click();
      await expect(code).toContainText(reads);
      await expect(code).not.toContainText(secret);
    }
  });
});
