import { expect, test } from "./fixtures/console";

// Swagger UI is third-party code, so a new version of it may load something that the page's security policy blocks. The
// browser then logs an error, and the fixture fails the test.
test("the API reference lists every operation, and its requests reach this very service", async ({ page, request }) => {
  const contract = await (await request.get("/openapi.yaml")).text();
  const operations = contract.match(/^ {6}operationId: /gm) ?? [];
  await page.goto("/docs");
  await expect(page).toHaveURL("/docs/");
  await expect(page.getByRole("heading", { name: /^API Keys/ })).toBeVisible();
  await expect(page.locator(".opblock")).toHaveCount(operations.length);

  const scopes = page.locator(".opblock", { hasText: "/v1/scopes" });
  await scopes.getByRole("button").first().click();
  await scopes.getByRole("button", { name: "Try it out" }).click();
  const answered = page.waitForResponse((response) => response.url().endsWith("/v1/scopes"));
  await scopes.getByRole("button", { name: "Execute" }).click();
  expect((await answered).status()).toBe(200);
  await expect(scopes.locator(".live-responses-table .response-col_status").last()).toHaveText("200");
  await expect(scopes.locator(".live-responses-table")).toContainText("settings.api-keys:readonly");
});
