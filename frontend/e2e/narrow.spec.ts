import type { Locator } from "@playwright/test";
import { expect, test } from "./fixtures/console";
import { choose } from "./fixtures/screens";

test.use({ viewport: { width: 320, height: 568 } });

async function boxOf(part: Locator) {
  const box = await part.boundingBox();
  if (!box) throw new Error(`${part} is not there`);
  return box;
}

test("the bar says whose keys these are", async ({ page }) => {
  await page.goto("/api-keys");
  await expect(page.getByRole("banner").getByText("Acme", { exact: true })).toBeVisible();
});

test("one's own changes stand in the window, and no button is cut in large letters", async ({
  page,
  admin,
  complaints,
}) => {
  complaints.expect(/status of 412/);
  const { client_id } = await admin.createKey({ name: "ERP integration" });
  await page.addInitScript(() => localStorage.setItem("apikeys-language", "pt-BR"));
  await page.goto(`/api-keys/${client_id}/edit`);
  const name = page.getByRole("textbox", { name: "Nome", exact: true });
  await name.fill("Meu");
  await admin.rename(client_id, "Deles");
  await page.getByRole("button", { name: "Salvar", exact: true }).click();
  const dialog = page.getByRole("dialog");
  const [theirs, mine] = await Promise.all(
    ["Deles", "Meu"].map((value) => boxOf(dialog.getByRole("cell").getByText(value, { exact: true }))),
  );
  expect(mine?.x).toBe(theirs?.x);
  await expect(dialog.getByText("Suas alterações", { exact: true }).filter({ visible: true })).not.toHaveCount(0);
  await page.evaluate(() => document.documentElement.style.setProperty("font-size", "150%"));
  for (const button of await dialog.getByRole("button").filter({ hasText: /\w/ }).all()) {
    const overhang = (label: Element) => label.scrollWidth - label.clientWidth;
    expect(await button.locator(".mantine-Button-label").evaluate(overhang)).toBeLessThanOrEqual(0);
  }
});

test("what an event changed has the width of the window", async ({ page, admin }) => {
  const { client_id } = await admin.createKey({ name: "ERP integration" });
  await admin.rename(client_id, "Billing synchronization");
  await page.goto("/audit?action=api-key.updated");
  await page.getByRole("button", { name: /^Details:/ }).click();
  const row = page.getByRole("table", { name: "What changed" }).getByRole("row", { name: /^Name/ });
  await expect(row.getByRole("deletion")).toHaveText("ERP integration");
  expect((await boxOf(row.getByRole("cell").last())).width).toBeGreaterThan(200);
});

test("the words of a message have its width, and its button a line below", async ({ page, admin }) => {
  const name = "A name of a hundred letters ".repeat(4).slice(0, 100).trim();
  await admin.createKey({ name });
  await page.goto("/api-keys");
  await choose(page, name, "Deactivate");
  const message = page.getByRole("region", { name: /Messages/ }).getByRole("listitem");
  const words = await boxOf(message.getByText(name));
  expect(words.width).toBeGreaterThan(180);
  expect((await boxOf(message.getByRole("button", { name: "Undo" }))).y).toBeGreaterThanOrEqual(words.y + words.height);
});

test("the usage page says whether something still uses an old secret", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "ERP integration" });
  await admin.use(key);
  await admin.rotate(key.client_id, 3600);
  const lastFour = (await admin.key(key.client_id)).secrets.find((secret) => secret.expires_at)?.last_four ?? "";
  for (const width of [320, 768]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/usage");
    const row = page.getByRole("table", { name: "Rotations in progress" }).getByRole("row").last();
    await expect(row.getByText(lastFour).filter({ visible: true })).toHaveCount(1);
    await expect(row.getByText(/now|min\. ago|sec/).filter({ visible: true })).not.toHaveCount(0);
  }
});

test("the bars of the most used keys start below each other", async ({ page, admin }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  const often = await admin.createKey({ name: "Often" });
  const once = await admin.createKey({ name: "Once" });
  for (let use = 0; use < 12; use++) await admin.exchange(often.client_id, often.client_secret);
  await admin.use(once);
  await page.goto("/usage");
  const bars = page.getByRole("table", { name: "Most used keys" }).locator("svg[preserveAspectRatio]");
  await expect(bars).toHaveCount(2);
  expect((await boxOf(bars.first())).x).toBe((await boxOf(bars.last())).x);
});
