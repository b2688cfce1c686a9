import { expect, type Page } from "@playwright/test";
import { audit } from "./fixtures/audit";
import { test as base } from "./fixtures/console";
import { clientId, clientSecret, Provider } from "./fixtures/provider";
import { fillKey, save, secretWindow } from "./fixtures/screens";
import { Service } from "./fixtures/service";

/** Runs against a service of its own, to which operators may sign in with a provider. */
const test = base.extend<object, { service: Service }>({
  service: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture's dependencies from the pattern
    async ({}, use) => {
      let provider: Provider | undefined;
      const service = await Service.start(async (url) => {
        provider = await Provider.start(url);
        return {
          APIKEYS_OIDC_ISSUER: provider.url,
          APIKEYS_OIDC_CLIENT_ID: clientId,
          APIKEYS_OIDC_CLIENT_SECRET: clientSecret,
          APIKEYS_OIDC_ROLES: "admin=keys-admins,editor=keys-editors",
          APIKEYS_OIDC_NAME: "Acme",
        };
      });
      await use(service);
      await service.stop();
      await provider?.stop();
    },
    { scope: "worker" },
  ],
});
test.use({ signedIn: false });

async function signOn(page: Page, person: string): Promise<void> {
  await page.getByRole("link", { name: "Sign in with Acme" }).click();
  await page.getByRole("button", { name: person }).click();
}

test("an operator signs in with the provider, and lands where they wanted to be", async ({ page, complaints }) => {
  complaints.expect(/status of 401/);
  await page.goto("/api-keys?status=inactive");
  await expect(page.getByRole("link", { name: "Sign in with Acme" })).toBeVisible();
  await audit(page);
  await signOn(page, "eva");
  await expect(page).toHaveURL("/api-keys?status=inactive");
  await page.getByRole("button", { name: "Operator menu: eva@example.com" }).click();
  await expect(page.getByRole("menuitem", { name: "Sign out" })).toBeVisible();
  await expect(page.getByRole("menuitem", { name: "Change password" })).toHaveCount(0);
});

test("who has no role is told so, in both languages", async ({ page, complaints }) => {
  complaints.expect(/status of 401/);
  await page.goto("/sign-in");
  await signOn(page, "rui");
  await expect(page).toHaveURL(/\/sign-in\?error=no-role/);
  await expect(page.getByRole("alert")).toHaveText(/You have no access to this console/);
  await audit(page);
  await page.getByText("Português", { exact: true }).click();
  await expect(page.getByRole("alert")).toHaveText(/Você não tem acesso a este console/);
  await expect(page.getByRole("link", { name: "Entrar com Acme" })).toBeVisible();
});

test("an expired session goes on after signing in with the provider in another tab", async ({ page, complaints }) => {
  complaints.expect(/status of 401/);
  await page.goto("/sign-in");
  await signOn(page, "eva");
  await page.goto("/api-keys/new");
  await fillKey(page, "Made by Eva");
  await page.context().clearCookies();
  await save(page);
  const dialog = page.getByRole("dialog", { name: "Your session has expired" });
  const opened = page.waitForEvent("popup");
  await dialog.getByRole("link", { name: "Sign in with Acme" }).click();
  const tab = await opened;
  await tab.getByRole("button", { name: "eva" }).click();
  await expect(tab).toHaveURL("/api-keys");
  await tab.close();
  await page.bringToFront();
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await expect(secretWindow(page), "the call that found out is repeated by itself").toBeVisible();
});
