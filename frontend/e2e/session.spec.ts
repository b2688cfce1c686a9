import type { Page } from "@playwright/test";
import { expect, test } from "./fixtures/console";
import { newEmail, Operator, password } from "./fixtures/management";
import { fillKey, line, nameField, save, secretWindow, shownSecret } from "./fixtures/screens";

test.describe("without a session", () => {
  test.use({ signedIn: false });

  test("every screen leads to signing in, and from there back", async ({ page, operator, complaints }) => {
    complaints.expect(/status of 401/);
    await page.goto("/api-keys?status=inactive");
    await expect(page).toHaveURL(/\/sign-in\?redirect=/);
    await page.getByRole("textbox", { name: "Email" }).fill(operator.email);
    await page.getByRole("textbox", { name: "Password" }).fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert")).toHaveText("The email or password is incorrect.");
    await expect(page.getByRole("textbox", { name: "Password" })).toBeFocused();
    await expect(page.getByRole("textbox", { name: "Password" })).toHaveValue("");
    await page.getByRole("textbox", { name: "Password" }).fill(password);
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL("/api-keys?status=inactive");
  });

  test("signing in never leads to another site", async ({ page, operator, complaints }) => {
    complaints.expect(/status of 401/);
    await page.goto("/sign-in?redirect=//elsewhere.example/api-keys");
    await page.getByRole("textbox", { name: "Email" }).fill(operator.email);
    await page.getByRole("textbox", { name: "Password" }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page).toHaveURL("/api-keys");
  });

  test("the language of the sign-in page can be changed", async ({ page, complaints }) => {
    complaints.expect(/status of 401/);
    await page.goto("/sign-in");
    await page.getByText("Português", { exact: true }).click();
    await expect(page.getByRole("heading", { name: "Entrar em Chaves de API" })).toBeVisible();
    await expect(page.getByRole("textbox", { name: "Senha" })).toBeVisible();
  });
});

test("a link to sign in leads an operator who is signed in to this console only", async ({ page }) => {
  for (const redirect of ["https://elsewhere.example/", "//elsewhere.example/", "/\\\\elsewhere.example/"]) {
    await page.goto(`/sign-in?${new URLSearchParams({ redirect })}`);
    await expect(page).toHaveURL("/api-keys");
  }
  await page.goto("/sign-in?redirect=/api-keys/new");
  await expect(page.getByRole("heading", { name: "Add API key" })).toBeVisible();
});

test("signing out ends the session, also for Back", async ({ page, admin, operator, complaints }) => {
  complaints.expect(/status of 401/);
  await admin.createKey({ name: "ERP integration" });
  await page.goto("/api-keys");
  await expect(line(page, "ERP integration")).toBeVisible();
  await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
  expect(await page.content()).not.toContain("ERP integration");
});

/** Simulates a return to the page, which then checks whose session the browser has. */
const comeBack = (page: Page) => page.evaluate(() => window.dispatchEvent(new Event("focus")));

test.describe("a session that expires", () => {
  test("in the middle of a form takes nothing of it away", async ({ page, operator, complaints }) => {
    complaints.expect(/status of 401/);
    await page.goto("/api-keys/new");
    await fillKey(page, "ERP integration");
    await page.getByRole("textbox", { name: "Description" }).fill("Nightly export");
    await page.getByRole("textbox", { name: "Value" }).fill("8");
    await operator.endSession();
    await save(page);

    const dialog = page.getByRole("dialog", { name: "Your session has expired" });
    await expect(dialog).toContainText("Nothing you entered is lost");
    await page.keyboard.press("Escape");
    await expect(dialog).toBeVisible();
    await dialog.getByRole("textbox", { name: "Password" }).fill("not the password");
    await page.keyboard.press("Enter");
    await expect(dialog.getByRole("alert")).toHaveText("The email or password is incorrect.");
    await expect(nameField(page)).toHaveValue("ERP integration");
    await dialog.getByRole("textbox", { name: "Password" }).fill(password);
    await page.keyboard.press("Enter");

    // The call that got the 401 is repeated automatically.
    const window = secretWindow(page);
    await window.getByRole("checkbox", { name: "I have stored the client secret" }).check();
    await window.getByRole("button", { name: "Close" }).last().click();
    await expect(line(page, "ERP integration")).toContainText("8 hours");
  });

  test("on the list goes on where it was", async ({ page, admin, operator, complaints }) => {
    complaints.expect(/status of 401/);
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await expect(line(page, "ERP integration")).toBeVisible();
    await operator.endSession();
    await page.getByRole("radiogroup", { name: "Status" }).getByText("Active", { exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Your session has expired" });
    await dialog.getByRole("textbox", { name: "Password" }).fill(password);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await expect(dialog).toBeHidden();
    await expect(page).toHaveURL("/api-keys?status=active");
    await expect(line(page, "ERP integration")).toBeVisible();
  });

  test.describe("has to be begun anew before", () => {
    /** Lets the session expire. Returns a function that signs in again from wherever the focus is. */
    async function expire(page: Page, operator: Operator): Promise<() => Promise<void>> {
      await operator.endSession();
      await comeBack(page);
      const dialog = page.getByRole("dialog", { name: "Your session has expired" });
      await expect(dialog.getByRole("textbox", { name: "Password" })).toBeFocused();
      return async () => {
        await page.keyboard.type(password);
        await page.keyboard.press("Enter");
        await expect(dialog).toBeHidden();
      };
    }

    test("Escape closes the dialog beneath", async ({ page, admin, operator, complaints }) => {
      complaints.expect(/status of 401/);
      const key = await admin.createKey({ name: "ERP integration" });
      await page.goto(`/api-keys/${key.client_id}`);
      await page.getByRole("button", { name: "Generate new client secret" }).click();
      const rotation = page.getByRole("dialog", { name: "Generate new client secret" });
      const week = rotation.getByRole("radio", { name: /7 days/ });
      await week.check();
      const signIn = await expire(page, operator);
      await page.keyboard.press("Escape");
      await signIn();
      await expect(week).toBeFocused();
      await expect(week).toBeChecked();
      await page.keyboard.press("Escape");
      await expect(rotation).toBeHidden();
    });

    test("Back asks whether to discard what was entered", async ({ page, operator, complaints }) => {
      complaints.expect(/status of 401/);
      await page.goto("/api-keys");
      await page.getByRole("link", { name: "Add" }).first().click();
      await fillKey(page, "ERP integration");
      const signIn = await expire(page, operator);
      await page.goBack();
      await signIn();
      const question = page.getByRole("dialog", { name: "Discard changes?" });
      await question.getByRole("button", { name: "Keep editing" }).click();
      await expect(page).toHaveURL("/api-keys/new");
      await expect(nameField(page)).toHaveValue("ERP integration");
    });

    test("the page that Back leads to gets the focus", async ({ page, operator, complaints }) => {
      complaints.expect(/status of 401/);
      await page.goto("/usage");
      await page.getByRole("navigation", { name: "Main menu" }).getByRole("link", { name: "Audit" }).click();
      await expect(page.getByRole("main")).toBeFocused();
      const signIn = await expire(page, operator);
      await page.goBack();
      await expect(page.getByRole("heading", { name: "Usage", level: 1 })).toBeVisible();
      await signIn();
      await expect(page.getByRole("main")).toBeFocused();
    });
  });
});

test.describe("two tabs of a browser", () => {
  test("show the same operator: signing in at one takes everything of the other's away", async ({
    page,
    context,
    service,
    admin,
    complaints,
  }) => {
    complaints.expect(/status of 401/);
    const rui = await Operator.create(
      service,
      await service.command(["tenancy", "create", "Globex"]),
      "admin",
      newEmail("rui"),
    );
    await rui.createKey({ name: "Of Globex" });
    await admin.createKey({ name: "Of Acme" });
    await page.goto("/api-keys/new");
    await fillKey(page, "Secret of Acme");
    await save(page);
    await expect(secretWindow(page)).toBeVisible();
    const secret = await shownSecret(secretWindow(page));

    // Signing out would notify the other tabs; here they learn nothing before the browser has another session.
    const signedIn = await context.request.post("/v1/session", { data: { email: rui.email, password } });
    expect(signedIn.status()).toBe(201);
    const other = await context.newPage();
    await other.goto("/api-keys");
    await expect(line(other, "Of Globex")).toBeVisible();

    await expect(page).toHaveURL("/api-keys");
    await expect(line(page, "Of Globex")).toBeVisible();
    expect(await page.content()).not.toContain(secret);
    await expect(page.getByText("Acme")).toHaveCount(0);
    await page.goBack();
    await expect(page.getByText("Acme")).toHaveCount(0);
    await rui.dispose();
  });

  test("sign out together, whatever is not saved", async ({ page, context, operator, complaints }) => {
    complaints.expect(/status of 401/);
    page.on("dialog", (dialog) => void dialog.dismiss()); // when asked whether to leave, the operator stays
    await page.goto("/api-keys/new");
    await nameField(page).press("E"); // a browser asks only on pages that the user has interacted with
    const other = await context.newPage();
    await other.goto("/api-keys");
    await other.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
    await other.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(other.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
    await expect(page.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
  });

  test("sign out once: what was signed out may be loaded again", async ({ page, context, operator, complaints }) => {
    complaints.expect(/status of 401/);
    await page.goto("/api-keys");
    await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Sign in to API Keys" })).toBeVisible();
    const other = await context.newPage();
    await other.goto("/sign-in");
    await other.getByRole("textbox", { name: "Email" }).fill(operator.email);
    await other.getByRole("textbox", { name: "Password" }).fill(password);
    await other.getByRole("button", { name: "Sign in" }).click();
    await expect(other).toHaveURL("/api-keys");
    await page.reload();
    await expect(page).toHaveURL("/api-keys");
    await expect(page.getByRole("button", { name: `Operator menu: ${operator.email}` })).toBeVisible();
  });

  test("learn on return of a session that no tab told of", async ({ page, context, service, operator, complaints }) => {
    complaints.expect(/status of (401|503)/);
    const rui = await Operator.create(
      service,
      await service.command(["tenancy", "create", "Globex"]),
      "admin",
      newEmail("rui"),
    );
    await page.goto("/api-keys/new");
    await nameField(page).fill("ERP integration");

    await page.route("**/v1/session", (route) => route.fulfill({ status: 503, body: "" }));
    const asked = page.waitForResponse("**/v1/session");
    await comeBack(page);
    await asked;
    await expect(nameField(page), "a service that is down throws nobody out").toHaveValue("ERP integration");
    await page.unroute("**/v1/session");

    await operator.endSession();
    await comeBack(page);
    const dialog = page.getByRole("dialog", { name: "Your session has expired" });
    await dialog.getByRole("textbox", { name: "Password" }).fill(password);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await expect(dialog).toBeHidden();
    await expect(nameField(page)).toHaveValue("ERP integration");

    await context.request.post("/v1/session", { data: { email: rui.email, password } });
    await comeBack(page);
    await expect(page.getByRole("heading", { name: "No API keys yet" })).toBeVisible();
    await expect(page.getByRole("button", { name: `Operator menu: ${rui.email}` })).toBeVisible();
    await rui.dispose();
  });
});

test.describe("a readonly operator", () => {
  test.use({ role: "readonly" });

  test("sees everything and is offered no change", async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    await admin.rotate(key.client_id, 3600);
    await page.goto("/api-keys");
    await expect(line(page, "ERP integration")).toBeVisible();
    await expect(page.getByRole("link", { name: "Add" })).toHaveCount(0);
    await page.getByRole("button", { name: "Actions for ERP integration" }).click();
    await expect(page.getByRole("menuitem")).toHaveText(["View details", "Copy client ID"]);
    await page.getByRole("menuitem", { name: "View details" }).click();

    await expect(page.getByRole("region", { name: "Client secrets" })).toContainText("Two secrets are valid");
    const main = page.getByRole("main");
    for (const name of ["Edit", "Deactivate", "Generate new client secret", "More actions", "Retire now"]) {
      await expect(main.getByRole("button", { name })).toHaveCount(0);
      await expect(main.getByRole("link", { name })).toHaveCount(0);
    }
    for (const [path, title] of [
      ["/api-keys/new", "Add API key"],
      [`/api-keys/${key.client_id}/edit`, "Edit API key"],
    ] as const) {
      await page.goto(path);
      await expect(page.getByRole("heading", { name: title, level: 1 })).toBeVisible();
      await expect(page).toHaveTitle(`${title} · API Keys`);
      await expect(page.getByRole("heading", { name: "Your role is read-only" })).toBeVisible();
      await expect(page.getByRole("textbox")).toHaveCount(0);
    }
  });
});

test.describe("the language", () => {
  test("stays when the texts of another can't be fetched, and can be chosen again", async ({
    page,
    operator,
    complaints,
  }) => {
    complaints.expect(/net::ERR_FAILED/);
    const texts = /\/assets\/pt-BR-.*\.js$/;
    await page.route(texts, (route) => route.abort());
    await page.goto("/api-keys");
    const menu = page.getByRole("button", { name: `Operator menu: ${operator.email}` });
    const portuguese = page.getByRole("menuitemradio", { name: "Português" });
    await menu.click();
    await portuguese.click();
    await expect(page.getByRole("alert")).toContainText("Português could not be loaded");
    await expect(page.getByRole("heading", { name: "API Keys", level: 1 })).toBeVisible();
    await page.unroute(texts);
    await page.keyboard.press("Escape");
    await menu.click();
    await portuguese.click();
    await expect(page.getByRole("heading", { name: "Chaves de API", level: 1 })).toBeVisible();
  });
});

test.describe("the theme", () => {
  const scheme = (page: Page) => page.getAttribute("html", "data-mantine-color-scheme");

  test("follows the system until the operator chooses, and is then kept", async ({ page, operator }) => {
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto("/api-keys");
    await expect.poll(() => scheme(page)).toBe("dark");
    await page.emulateMedia({ colorScheme: "light" });
    await expect.poll(() => scheme(page)).toBe("light");
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();

    await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
    await page.getByRole("menuitemradio", { name: "Dark" }).click();
    await expect.poll(() => scheme(page)).toBe("dark");
    expect(await background()).not.toBe(light);
    await page.reload();
    expect(await scheme(page), "before anything has run").toBe("dark");
    await expect(page.getByRole("heading", { name: "API Keys", level: 1 })).toBeVisible();
    expect(await scheme(page)).toBe("dark");
  });
});
