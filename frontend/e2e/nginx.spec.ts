import { test as base, expect } from "./fixtures/console";
import { password } from "./fixtures/management";
import { Nginx } from "./fixtures/nginx";
import { fillKey, line, save, secretWindow, shownSecret } from "./fixtures/screens";

/** nginx serves the console's files and proxies everything else to the service. */
const test = base.extend<object, { nginx: Nginx }>({
  nginx: [
    async ({ service }, use) => {
      const nginx = await Nginx.start(service);
      await use(nginx);
      await nginx.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ nginx }, use) => use(nginx.url),
});

test.use({ signedIn: false });

// Every test fails when the browser logs an unexpected error or warning, such as a violation of the security policy.
test("the console works behind nginx, under its security policy", async ({ page, operator, complaints, nginx }) => {
  complaints.expect(/status of 401/);
  const nonces = new Set<string>();
  page.on("response", async (response) => {
    if (response.request().resourceType() !== "document") return;
    const policy = (await response.allHeaders())["content-security-policy"] ?? "";
    nonces.add(/'nonce-(\w{32})'/.exec(policy)?.[1] ?? `none in ${policy}`);
  });
  await page.goto("/api-keys/new");
  expect(new URL(page.url()).origin).toBe(nginx.url);
  await page.getByRole("textbox", { name: "Email" }).fill(operator.email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await fillKey(page, "ERP integration");
  await save(page);
  const window = secretWindow(page);
  await shownSecret(window);
  await window.getByRole("checkbox", { name: "I have stored the client secret" }).check();
  await page.keyboard.press("Escape");
  await expect(line(page, "ERP integration")).toBeVisible();

  await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  await page.reload();
  await expect(line(page, "ERP integration")).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");

  // The styles that the console creates at run time apply only thanks to the page's nonce.
  const applied = await page.evaluate(() =>
    [...document.querySelectorAll("style")].map((style) => ({
      nonce: style.nonce,
      rules: style.sheet?.cssRules.length,
    })),
  );
  expect(applied.length).toBeGreaterThan(0);
  for (const { nonce, rules } of applied) {
    expect([...nonces]).toContain(nonce);
    expect(rules).toBeGreaterThan(0);
  }
  expect(nonces.size).toBe(2);
});
