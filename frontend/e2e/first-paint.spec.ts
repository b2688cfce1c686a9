import type { Page } from "@playwright/test";
import { gate } from "../src/test/gate";
import { expect, test } from "./fixtures/console";
import { fontShown, names } from "./fixtures/screens";

/** Holds the console back until released, as a slow connection would: everything outside index.html, or only `part`. */
async function slowConsole(page: Page, part = /\/assets\//): Promise<() => void> {
  const { opened, open } = gate();
  await page.route(part, async (route) => {
    await opened;
    await route.continue();
  });
  return open;
}

/** Collects the page's requests from now on whose path matches: each path with its query string. */
function requestsFor(page: Page, what: RegExp): string[] {
  const requests: string[] = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (what.test(pathname)) requests.push(pathname + search);
  });
  return requests;
}

const frame = (page: Page) => page.locator(".first-paint:visible");

/** The vertical position, in pixels, at which the list begins: its frame or its first card. */
async function topOfList(page: Page, inside: string): Promise<number> {
  const box = await page.locator(`${inside} :is(.list_tableFrame, .list_card):visible`).first().boundingBox();
  return box?.y ?? Number.NaN;
}

for (const { locale, title, hasTouch } of [
  { locale: "en-US", title: "API Keys", hasTouch: false },
  { locale: "pt-BR", title: "Chaves de API", hasTouch: false },
  { locale: "pt-BR", title: "Chaves de API", hasTouch: true },
]) {
  test.describe(`before the console has arrived, in ${locale}${hasTouch ? ", for fingers" : ""},`, () => {
    test.use({ locale, hasTouch });

    test("the list has its frame, and stands where it stood", async ({ page, admin }) => {
      await admin.createKey({ name: "Reports" });
      for (const width of [320, 412, 768, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        const arrive = await slowConsole(page);
        await page.goto("/api-keys", { waitUntil: "commit" });
        await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
        await expect(frame(page).locator("h1")).toHaveText(title);
        const before = await topOfList(page, ".first-paint");
        arrive();
        await expect(page.getByRole("link", { name: "Reports" })).toBeVisible();
        await expect(frame(page)).toHaveCount(0);
        const after = await topOfList(page, "main");
        expect(Math.abs(after - before), `${width} pixels wide`).toBeLessThanOrEqual(1);
        await page.unrouteAll({ behavior: "wait" });
      }
    });
  });
}

test("what the console asks for first is asked for once, with the filters of the page's address", async ({
  page,
  admin,
}) => {
  await admin.createKey({ name: "Reports" });
  await admin.createKey({ name: "Billing" });
  const asked = requestsFor(page, /^\/v1\/(session|api-keys)$/);
  const arrive = await slowConsole(page);
  await page.goto("/api-keys?search=rep&sort_field=name&sort_order=ASC&page_size=100", { waitUntil: "commit" });
  await expect.poll(() => asked.length).toBe(2);
  arrive();
  await expect(names(page)).toHaveText(["Reports"]);
  expect(asked.filter((path) => path === "/v1/session")).toHaveLength(1);
  const lists = asked.filter((path) => path !== "/v1/session");
  expect(lists).toHaveLength(1);
  expect(Object.fromEntries(new URLSearchParams(lists[0]?.split("?")[1]))).toMatchObject({
    search: "rep",
    sort_field: "name",
    sort_order: "ASC",
    page_size: "100",
  });
});

test("the console takes over when its styles are there, and those of other pages come behind them", async ({
  page,
  admin,
}) => {
  await admin.createKey({ name: "Reports" });
  const arrive = await slowConsole(page, /\/assets\/index-[^/]+\.css$/);
  await page.goto("/api-keys", { waitUntil: "commit" });
  const scripts = page.locator("head > script[src]");
  await expect.poll(() => scripts.count()).toBeGreaterThan(3);
  await page.waitForFunction(() => {
    const fetched = new Set(performance.getEntriesByType("resource").map(({ name }) => name));
    const wanted = document.querySelectorAll<HTMLScriptElement>("head > script[src]");
    return [...wanted].every(({ src }) => fetched.has(src));
  });
  // Everything but the styles has arrived, so the console has nothing to do until they do.
  for (let turn = 0; turn < 5; turn++) await page.evaluate(() => new Promise((idle) => requestIdleCallback(idle)));
  await expect(frame(page)).toHaveCount(1);
  await expect(names(page)).toHaveCount(0);
  arrive();
  await expect(names(page)).toHaveText(["Reports"]);

  await page.getByRole("link", { name: "Usage" }).first().click();
  const sheets = page.locator('link[rel="stylesheet"]');
  await expect.poll(() => sheets.count()).toBeGreaterThan(1);
  const hrefs = await sheets.evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
  expect(hrefs[0]).toMatch(/^\/assets\/index-/);
});

test("the console is shown without its styles where they can't be had", async ({ page, admin, complaints }) => {
  complaints.expect(/Failed to load resource/);
  await admin.createKey({ name: "Reports" });
  const styles = /\/assets\/index-[^/]+\.css$/;
  await page.route(styles, (route) => route.abort());
  const arrive = await slowConsole(page, /\/assets\/index-[^/]+\.js$/);
  const failed = page.waitForEvent("requestfailed", (request) => styles.test(request.url()));
  await page.goto("/api-keys", { waitUntil: "commit" });
  await failed;
  await expect(frame(page)).toHaveCount(1);
  arrive();
  await expect(page.getByRole("link", { name: "Reports" })).toBeVisible();
});

const scripts = /\/assets\/(index|react|libraries)-[^/]+\.js$/;

test("the console is asked for once the frame is painted", async ({ page }) => {
  await page.addInitScript(() => {
    Reflect.set(window, "setTimeout", () => 0);
  });
  const requests = requestsFor(page, scripts);
  await page.goto("/api-keys", { waitUntil: "commit" });
  await expect.poll(() => requests.length).toBe(3);
});

test("the console is asked for where nobody tells of a paint", async ({ page }) => {
  await page.addInitScript(() => {
    PerformanceObserver.prototype.observe = () => undefined;
  });
  const requests = requestsFor(page, scripts);
  await page.goto("/api-keys");
  await expect(frame(page)).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  expect(requests).toHaveLength(3);
});

const inter = /\/assets\/inter-[^/]+\.woff2$/;

test("the font is asked for when the first page is there, and from the start the next time", async ({ page }) => {
  const requests = requestsFor(page, inter);
  const arrive = await slowConsole(page, scripts);
  await page.goto("/api-keys", { waitUntil: "commit" });
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  expect(requests).toEqual([]);
  arrive();
  await expect(frame(page)).toHaveCount(0);
  await fontShown(page);
  expect(requests).toHaveLength(1);
  await page.unrouteAll({ behavior: "wait" });

  const arriveAgain = await slowConsole(page, scripts);
  await page.reload({ waitUntil: "commit" });
  await expect(frame(page)).toHaveCount(1);
  await page.waitForFunction(() => document.fonts.check("1em 'Inter Variable'"));
  arriveAgain();
  await expect(frame(page)).toHaveCount(0);
});

test("texts stay in a font of the machine's where the console's own can't be had", async ({ page, complaints }) => {
  complaints.expect(/Failed to load resource/);
  await page.route(inter, (route) => route.abort());
  const failed = page.waitForEvent("requestfailed", (request) => inter.test(request.url()));
  await page.goto("/api-keys");
  await failed;
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator("html")).not.toHaveAttribute("data-font");
});

test.describe("somebody who is not signed in", () => {
  test.use({ signedIn: false });

  test("sees no frame of what is behind the sign-in", async ({ page, complaints }) => {
    complaints.expect(/401 \(Unauthorized\)/); // this tells the console that nobody is signed in
    const arrive = await slowConsole(page);
    await page.goto("/api-keys", { waitUntil: "commit" });
    await expect(page.locator("html")).toHaveAttribute("data-frame", "none");
    await expect(frame(page)).toHaveCount(0);
    arrive();
    await expect(page.getByRole("textbox", { name: "Email" })).toBeVisible();
  });
});

for (const { locale, text } of [
  { locale: "en-US", text: /could not be loaded. Check your connection and reload the page/ },
  { locale: "pt-BR", text: /Não foi possível carregar o console/ },
]) {
  test.describe(`a console that can't be loaded, in ${locale},`, () => {
    test.use({ locale });

    for (const [part, files] of [
      ["its scripts", /\/assets\/index-.*\.js/],
      ["its texts", /\/assets\/(en|pt-BR)-.*\.js/],
    ] as const) {
      test(`says so when ${part} are missing`, async ({ page, complaints }) => {
        complaints.expect(/Failed to load resource|Failed to fetch dynamically imported module|was preloaded/);
        await page.route(files, (route) => route.abort());
        await page.goto("/api-keys");
        await expect(page.getByRole("alert").filter({ hasText: text })).toBeVisible();
        await expect(frame(page)).toHaveCount(0);
      });
    }
  });
}
