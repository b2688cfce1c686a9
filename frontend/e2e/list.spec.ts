import type { Page } from "@playwright/test";
import { gate } from "../src/test/gate";
import { expect, test } from "./fixtures/console";
import { choose, fontShown, line, names } from "./fixtures/screens";

const keysOf = (count: number) =>
  Array.from({ length: count }, (_, index) => `Client ${String(index + 1).padStart(2, "0")}`);

function searchField(page: Page) {
  return page.getByRole("searchbox", { name: "Search API keys by name or client ID" });
}

test.describe("the list's state lives in the URL", () => {
  test.beforeEach(async ({ admin }) => {
    for (const name of keysOf(12)) await admin.createKey({ name });
    const { client_id } = await admin.createKey({ name: "Retired client" });
    await admin.deactivate(client_id);
  });

  test("so that reload, Back, Forward and a shared link restore it", async ({ page, context }) => {
    await page.goto("/api-keys");
    await expect(names(page)).toHaveCount(10);
    await page.getByRole("button", { name: "Name", exact: true }).click();
    await expect(page).toHaveURL("/api-keys?sort_field=name&sort_order=ASC");
    await expect(names(page).first()).toHaveText("Client 01");
    await page.getByRole("link", { name: "Next page" }).click();
    await expect(names(page)).toHaveText(["Client 11", "Client 12", "Retired client"]);
    await searchField(page).fill("client");
    await page.getByRole("radiogroup", { name: "Status" }).getByText("Active", { exact: true }).click();
    await expect
      .poll(() => Object.fromEntries(new URL(page.url()).searchParams))
      .toEqual({ search: "client", status: "active", sort_field: "name", sort_order: "ASC" });
    await expect(page.getByRole("navigation", { name: "Pages" })).toContainText("1–10 of 12");
    await page.getByRole("link", { name: "Page 2" }).click();
    await expect(names(page)).toHaveText(["Client 11", "Client 12"]);
    await expect(page.getByRole("navigation", { name: "Pages" }).locator("[aria-current=page]")).toHaveText(["2"]);

    const url = page.url();
    const check = async (where: Page) => {
      await expect(names(where)).toHaveText(["Client 11", "Client 12"]);
      await expect(searchField(where)).toHaveValue("client");
      await expect(where.getByRole("radio", { name: "Active", exact: true })).toBeChecked();
      await expect(where.getByRole("columnheader", { name: "Name" })).toHaveAttribute("aria-sort", "ascending");
    };
    await page.reload();
    await check(page);
    const colleague = await context.newPage();
    await colleague.goto(url);
    await check(colleague);

    await names(page).first().click();
    await expect(page.getByRole("heading", { name: "Client 11" })).toBeVisible();
    await page.goBack();
    await check(page);
    await page.goBack();
    await expect(names(page)).toHaveCount(10);
    await page.goForward();
    await check(page);
  });

  test("and a link that asks for nonsense shows the list all the same", async ({ page }) => {
    await page.goto("/api-keys?page=-3&page_size=7000&status=gone&sort_field=__proto__");
    await expect(names(page)).toHaveCount(10);
    await page.goto("/api-keys?page=99");
    await expect(names(page)).toHaveText(["Client 03", "Client 02", "Client 01"]);
    await expect(page).toHaveURL("/api-keys?page=2");
  });

  test("and a search leaves one step in the history, however it was typed", async ({ page }) => {
    await page.goto("/api-keys");
    await page.getByRole("link", { name: "Client 12" }).click();
    await page.getByRole("link", { name: "API Keys" }).first().click();
    for (const text of ["c", "cl", "client 1"]) {
      await searchField(page).fill(text);
      await expect(page).toHaveURL(`/api-keys?${new URLSearchParams({ search: text })}`);
    }
    await page.goBack();
    await expect(page).toHaveURL("/api-keys");
    await expect(searchField(page)).toHaveValue("");
  });
});

test("a field looks the same, whatever pages were seen before", async ({ page, admin }) => {
  await admin.createKey({ name: "ERP integration" });
  await page.goto("/api-keys");
  const perPage = page.getByRole("combobox", { name: "Per page" });
  const chevron = () => perPage.locator("..").locator("svg").boundingBox();
  await expect(perPage).toBeVisible();
  const before = await chevron();
  const places = page.getByRole("navigation", { name: "Main menu" });
  await places.getByRole("link", { name: "Audit" }).click();
  await expect(page.getByRole("combobox", { name: "What" })).toBeVisible();
  await places.getByRole("link", { name: "API Keys" }).click();
  await expect(perPage).toBeVisible();
  expect(await chevron()).toMatchObject({ width: before?.width, height: before?.height });
});

test.describe("a name that is cut", () => {
  const long = "A name that is much longer than names of applications usually are, and that goes on";
  const arabic = "مفتاح البوابة الرئيسية لعملاء شمال أفريقيا نسخة الإنتاج الثانية";

  test("can be read in full, and is cut at its end whichever way it is written", async ({ page, admin }) => {
    const { client_id } = await admin.createKey({ name: arabic });
    await admin.use(await admin.createKey({ name: long }));
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto("/api-keys");
      for (const [name, direction] of [
        [long, "ltr"],
        [arabic, "rtl"],
      ] as const) {
        const link = page.getByRole("link", { name });
        await expect(link).toHaveAttribute("title", name);
        await expect(link).toHaveCSS("direction", direction);
        await expect(link).toHaveCSS("text-overflow", "ellipsis");
      }
    }
    await page.goto("/usage");
    await expect(page.getByRole("link", { name: long })).toHaveAttribute("title", long);
    await page.goto(`/api-keys/${client_id}`);
    await expect(page.getByRole("heading", { name: arabic })).toHaveCSS("direction", "rtl");
  });
});

test.describe("on a slow network", () => {
  test("a skeleton holds the place, and nothing jumps when the keys arrive", async ({ page, admin }) => {
    for (const name of keysOf(10)) await admin.createKey({ name });
    const slow = gate();
    await page.route("**/v1/api-keys?*", async (route) => {
      await slow.opened;
      await route.continue();
    });
    await page.goto("/api-keys");
    const table = page.getByRole("table", { name: "API Keys" });
    await expect(table).toHaveAttribute("aria-busy", "true");
    await expect(table.locator("tbody tr")).toHaveCount(10);
    await fontShown(page);
    await page.evaluate(() => document.fonts.ready);

    const boxes = async () => ({
      head: await table.locator("thead").boundingBox(),
      columns: await Promise.all((await table.locator("thead th").all()).map((cell) => cell.boundingBox())),
      rows: await Promise.all((await table.locator("tbody tr").all()).map((row) => row.boundingBox())),
      search: await searchField(page).boundingBox(),
    });
    const before = await boxes();
    await page.evaluate(() => {
      const shifts: number[] = [];
      Reflect.set(window, "shifts", shifts);
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) shifts.push(Number(Reflect.get(entry, "value")));
      }).observe({ type: "layout-shift" });
    });
    slow.open();
    await expect(names(page)).toHaveCount(10);
    expect(await boxes()).toEqual(before);
    expect(await page.evaluate(() => Reflect.get(window, "shifts"))).toEqual([]);
  });

  test("the old page stays, marked as busy, until the next one is there", async ({ page, admin }) => {
    for (const name of keysOf(11)) await admin.createKey({ name });
    await page.goto("/api-keys");
    await expect(names(page)).toHaveCount(10);
    const slow = gate();
    await page.route("**/v1/api-keys?*page=2*", async (route) => {
      await slow.opened;
      await route.continue();
    });
    await page.getByRole("link", { name: "Page 2" }).click();
    await expect(page.getByRole("table")).toHaveAttribute("aria-busy", "true");
    await expect(names(page)).toHaveCount(10);
    slow.open();
    await expect(names(page)).toHaveText(["Client 01"]);
    await expect(page.getByRole("table")).toHaveAttribute("aria-busy", "false");
  });
});

test.describe("when the service fails", () => {
  test("the list says so and tries again", async ({ page, admin, complaints }) => {
    complaints.expect(/status of 500/);
    await admin.createKey({ name: "ERP integration" });
    await page.route("**/v1/api-keys?*", (route) =>
      route.fulfill({
        status: 500,
        headers: { "Content-Type": "application/problem+json", "X-Request-Id": "REQUEST42" },
        json: { code: "internal/error", title: "Internal error", status: 500 },
      }),
    );
    await page.goto("/api-keys");
    const alert = page.getByRole("alert");
    await expect(alert).toContainText("The API keys could not be loaded");
    await expect(alert).toContainText("REQUEST42");
    await page.unroute("**/v1/api-keys?*");
    await alert.getByRole("button", { name: "Try again" }).click();
    await expect(line(page, "ERP integration")).toBeVisible();
    await expect(alert).toBeHidden();
  });

  test("an unreachable service is asked again before the list gives up", async ({ page, complaints }) => {
    complaints.expect(/ERR_CONNECTION_REFUSED/);
    let attempts = 0;
    await page.route("**/v1/api-keys?*", (route) => {
      attempts++;
      return route.abort("connectionrefused");
    });
    await page.goto("/api-keys");
    await expect(page.getByRole("alert")).toContainText("The service can’t be reached");
    expect(attempts).toBe(3);
  });

  test("a status that was shown too early is taken back, with a message", async ({ page, admin, complaints }) => {
    complaints.expect(/status of 503/);
    const { client_id } = await admin.createKey({ name: "ERP integration" });
    const slow = gate();
    await page.route("**/deactivate", async (route) => {
      await slow.opened;
      await route.fulfill({ status: 503, json: { code: "service/unavailable" } });
    });
    await page.goto("/api-keys");
    const row = line(page, "ERP integration");
    await choose(page, "ERP integration", "Deactivate");
    await expect(row.getByText("Inactive", { exact: true }), "shown at once").toBeVisible();
    slow.open();
    await expect(page.getByRole("alert")).toContainText("“ERP integration” could not be deactivated.");
    await expect(row.getByText("Active", { exact: true })).toBeVisible();
    expect((await admin.key(client_id)).status).toBe("active");
  });

  test("a form keeps what was entered, and saves it once at the second try", async ({ page, admin, complaints }) => {
    complaints.expect(/ERR_FAILED/);
    await page.goto("/api-keys/new");
    await page.getByRole("textbox", { name: "Name" }).fill("ERP integration");
    await page.getByRole("checkbox", { name: "Spot: Admin" }).check();
    // The service has created the key, but its answer is lost.
    await page.route("**/v1/api-keys", async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("alert")).toContainText("The service did not answer");
    await expect(page.getByRole("textbox", { name: "Name" })).toHaveValue("ERP integration");
    await page.unroute("**/v1/api-keys");
    await page.getByRole("button", { name: "Save" }).click();
    const clientId = await page
      .getByRole("dialog")
      .getByText(/^ak_\w+$/)
      .innerText();
    expect((await admin.key(clientId)).name).toBe("ERP integration");
  });

  test("a screen that does not exist says so", async ({ page, complaints }) => {
    complaints.expect(/status of 404/);
    await page.goto("/no-such-place");
    await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
    await page.goto("/api-keys/ak_0000000000000000000000");
    await expect(page.getByRole("heading", { name: "This API key does not exist" })).toBeVisible();
    await page.getByRole("link", { name: "Go to API Keys" }).click();
    await expect(page).toHaveURL("/api-keys");
  });
});

test.describe("in a British browser", () => {
  test.use({ locale: "en-GB" });

  test("dates are written as they are there", async ({ page, admin }) => {
    const { client_id } = await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    const created = line(page, "ERP integration").getByRole("time");
    await expect(created).toHaveText(/^\d{1,2} \w{3,4} \d{4}$/);
    await page.goto(`/api-keys/${client_id}?tab=usage`);
    await page.getByRole("button", { name: "Show as table" }).click();
    await expect(page.getByRole("rowheader").last()).toHaveText(/^\w{3},? \d{1,2} \w{3,4}, \d\d:\d\d/);
  });
});
