import type { Locator, Page } from "@playwright/test";
import { gate } from "../src/test/gate";
import { audit, findings } from "./fixtures/audit";
import { type Complaints, expect, test } from "./fixtures/console";
import type { Operator } from "./fixtures/management";
import { choose, fillKey, line, nameField, save, secretWindow } from "./fixtures/screens";

interface Stage {
  page: Page;
  admin: Operator;
  operator: Operator;
  complaints: Complaints;
}

type Screens = Record<string, (stage: Stage) => Promise<void>>;

/** Fills the list with a variety of keys: used, rotating, deactivated, with a long name, and enough for a second page. */
async function fill(admin: Operator): Promise<string> {
  const scopes = ["lighthouse.workspaces:readonly", "lighthouse.budget-groups:editor", "cca:admin", "spot:readonly"];
  const used = await admin.createKey({ name: "ERP integration", description: "Nightly export", scopes });
  const idle = await admin.createKey({
    name: "A name that is much longer than names of applications usually are, and wraps",
  });
  await admin.deactivate(idle.client_id);
  for (let index = 1; index <= 9; index++) await admin.createKey({ name: `Client ${index}` });
  await admin.rotate(used.client_id, 3600);
  await admin.use(used);
  return used.client_id;
}

const screens: Screens = {
  "the list": async ({ page, admin }) => {
    await fill(admin);
    await page.goto("/api-keys?page_size=25");
    await expect(line(page, "ERP integration")).toBeVisible();
  },
  "the list while it loads": async ({ page }) => {
    const never = gate();
    await page.route("**/v1/api-keys?*", () => never.opened);
    await page.goto("/api-keys");
    await expect(page.getByRole("table")).toHaveAttribute("aria-busy", "true");
  },
  "the list without keys": async ({ page }) => {
    await page.goto("/api-keys");
    await expect(page.getByRole("heading", { name: "No API keys yet" })).toBeVisible();
  },
  "the list without a match": async ({ page }) => {
    await page.goto("/api-keys?search=nothing&status=inactive");
    await expect(page.getByRole("heading", { name: "No matching API keys" })).toBeVisible();
  },
  "the list that failed to load": async ({ page, complaints }) => {
    complaints.expect(/status of 500/);
    await page.route("**/v1/api-keys?*", (route) => route.fulfill({ status: 500, json: { code: "internal/error" } }));
    await page.goto("/api-keys");
    await expect(page.getByRole("alert")).toBeVisible();
  },
  "the form": async ({ page }) => {
    await page.goto("/api-keys/new");
    await fillKey(page, "ERP integration");
    await page.getByRole("checkbox", { name: "All of Lighthouse: Editor" }).check();
    await expect(page.getByText("Remove covered scopes")).toBeVisible();
  },
  "the form with mistakes": async ({ page }) => {
    await page.goto("/api-keys/new");
    await page.getByRole("textbox", { name: "Value" }).fill("70");
    await save(page);
    await expect(page.getByText("Enter a name.")).toBeVisible();
  },
  "the form that edits": async ({ page, admin }) => {
    await page.goto(`/api-keys/${await fill(admin)}/edit`);
    await expect(nameField(page)).toBeVisible();
  },
  "the question before changes are lost": async ({ page }) => {
    await page.goto("/api-keys/new");
    await nameField(page).fill("ERP integration");
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("dialog", { name: "Discard changes?" })).toBeVisible();
  },
  "the window with the secret": async ({ page }) => {
    await page.goto("/api-keys/new");
    await fillKey(page, "ERP integration");
    await save(page);
    await secretWindow(page).getByRole("tab", { name: "Go" }).click();
  },
  "the question before the secret is lost": async ({ page }) => {
    await page.goto("/api-keys/new");
    await fillKey(page, "ERP integration");
    await save(page);
    await secretWindow(page).getByRole("button", { name: "Close" }).last().click();
    await expect(page.getByRole("dialog", { name: "Close without the client secret?" })).toBeVisible();
  },
  "the window that generates a new secret": async ({ page, admin }) => {
    await fill(admin);
    await page.goto("/api-keys?search=ERP");
    await choose(page, "ERP integration", "Generate new client secret");
    await expect(page.getByRole("dialog")).toContainText("Only two secrets can be valid at a time");
  },
  "the question before a key in use is deleted": async ({ page, admin }) => {
    await fill(admin);
    await page.goto("/api-keys?search=ERP");
    await choose(page, "ERP integration", "Delete");
    await expect(page.getByRole("dialog")).toContainText("This key is in use");
  },
  "the message after a key was deactivated": async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await choose(page, "ERP integration", "Deactivate");
    await page.getByRole("button", { name: "Undo" }).hover();
  },
  "the page of a key": async ({ page, admin }) => {
    await page.goto(`/api-keys/${await fill(admin)}`);
    await expect(page.getByRole("region", { name: "Client secrets" })).toBeVisible();
  },
  "what a key is used for": async ({ page, admin }) => {
    await page.goto(`/api-keys/${await fill(admin)}?tab=usage`);
    await page.getByRole("button", { name: "Show as table" }).click();
    await expect(page.getByRole("table")).toBeVisible();
  },
  "why a key was refused": async ({ page, admin }) => {
    const key = await admin.createKey({ name: "ERP integration" });
    expect((await admin.exchange(key.client_id, "aks_wrong")).status).toBe(401);
    await page.goto(`/api-keys/${key.client_id}?tab=denials`);
    await expect(page.getByRole("tab", { name: "Denials" })).toHaveAttribute("aria-selected", "true");
  },
  "the history of a key": async ({ page, admin }) => {
    await page.goto(`/api-keys/${await fill(admin)}?tab=history`);
    await page
      .getByRole("button", { name: /^Details:/ })
      .first()
      .click();
  },
  "the use of all keys": async ({ page, admin }) => {
    await fill(admin);
    await page.goto("/usage");
    await expect(page.getByRole("region", { name: "Rotations in progress" })).toBeVisible();
  },
  "the audit log": async ({ page, admin }) => {
    await fill(admin);
    await page.goto("/audit");
    await page.getByRole("button", { name: "Verify log" }).click();
    await page
      .getByRole("button", { name: /^Details:/ })
      .first()
      .click();
    await expect(page.getByRole("button", { name: "Verify log" })).toBeEnabled();
  },
  "the operators": async ({ page }) => {
    await page.goto("/operators");
    await expect(page.getByRole("table", { name: "Operators" })).toBeVisible();
  },
  "inviting an operator": async ({ page }) => {
    await page.goto("/operators");
    await page.getByRole("button", { name: "Invite operator" }).click();
    await expect(page.getByRole("dialog", { name: "Invite an operator" })).toBeVisible();
  },
  "an operator's sessions": async ({ page, operator }) => {
    await page.goto("/operators");
    await choose(page, operator.email, "Sessions");
    await expect(page.getByRole("dialog")).toContainText("This session");
  },
  "changing one's password": async ({ page, operator }) => {
    await page.goto("/api-keys");
    await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
    await page.getByRole("menuitem", { name: "Change password" }).click();
    const dialog = page.getByRole("dialog", { name: "Change password" });
    await dialog.getByRole("button", { name: "Change password" }).click();
    await expect(dialog.getByText("Enter your password.")).toBeVisible();
  },
  "the question before a secret is retired": async ({ page, admin }) => {
    await page.goto(`/api-keys/${await fill(admin)}`);
    await page.getByRole("button", { name: "Retire now" }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
  },
  "the question before tokens are revoked": async ({ page, admin }) => {
    await page.goto(`/api-keys/${await fill(admin)}`);
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Revoke issued tokens" }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
  },
  "the comparison with what somebody else saved": async ({ page, admin, complaints }) => {
    complaints.expect(/status of 412/);
    const { client_id } = await admin.createKey({ name: "ERP integration" });
    await page.goto(`/api-keys/${client_id}/edit`);
    await nameField(page).fill("Mine");
    await admin.rename(client_id, "Theirs");
    await save(page);
    await expect(page.getByRole("dialog", { name: "This key has changed" })).toBeVisible();
  },
  "signing in again": async ({ page, operator, complaints }) => {
    complaints.expect(/status of 401/);
    await page.goto("/api-keys");
    await expect(page.getByRole("heading", { name: "No API keys yet" })).toBeVisible();
    await operator.endSession();
    await page.getByRole("radiogroup", { name: "Status" }).getByText("Active", { exact: true }).click();
    await expect(page.getByRole("dialog", { name: "Your session has expired" })).toBeVisible();
  },
  "a place that does not exist": async ({ page }) => {
    await page.goto("/no-such-place");
    await expect(page.getByRole("heading", { name: "Page not found", level: 1 })).toBeVisible();
  },
  "a key that does not exist": async ({ page, complaints }) => {
    complaints.expect(/status of 404/);
    await page.goto("/api-keys/ak_0000000000000000000000");
    await expect(page.getByRole("heading", { name: "This API key does not exist" })).toBeVisible();
  },
};

/** Screens that close when the window is resized. */
const menus: Screens = {
  "the menu of a key": async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await page.getByRole("button", { name: "Actions for ERP integration" }).click();
    await expect(page.getByRole("menu")).toBeVisible();
  },
  "the scopes of a key": async ({ page, admin }) => {
    await fill(admin);
    await page.goto("/api-keys?search=ERP");
    await page.getByRole("button", { name: "Show all 4 scopes" }).click();
    await expect(page.getByRole("dialog", { name: "Scopes" })).toBeVisible();
  },
  "the operator's menu": async ({ page, operator }) => {
    await page.goto("/api-keys");
    await page.getByRole("button", { name: `Operator menu: ${operator.email}` }).click();
    await expect(page.getByRole("menu")).toBeVisible();
  },
};

test.describe("no serious finding, and no sideways scroll, on", () => {
  for (const [name, show] of Object.entries(screens)) {
    test(name, async ({ page, admin, operator, complaints }) => {
      await show({ page, admin, operator, complaints });
      await audit(page);
    });
  }

  for (const [name, show] of Object.entries(menus)) {
    for (const width of [1280, 320]) {
      test(`${name}, ${width} px wide`, async ({ page, admin, operator, complaints }) => {
        await page.setViewportSize({ width, height: 800 });
        await show({ page, admin, operator, complaints });
        await audit(page, { resize: false });
      });
    }
  }

  test("the main menu, 320 px wide", async ({ page }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto("/api-keys");
    await page.getByRole("button", { name: "Open menu" }).click();
    await expect(page.getByRole("dialog", { name: "Menu" })).toBeVisible();
    await audit(page, { resize: false });
  });

  test.describe("without a session", () => {
    test.use({ signedIn: false });

    test("signing in", async ({ page, complaints }) => {
      complaints.expect(/status of 401/);
      await page.goto("/sign-in");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByText("Enter your password.")).toBeVisible();
      await audit(page);
    });
  });

  test.describe("for a readonly operator", () => {
    test.use({ role: "readonly" });

    test("a screen that is not for them", async ({ page }) => {
      await page.goto("/api-keys/new");
      await expect(page.getByRole("heading", { name: "Your role is read-only" })).toBeVisible();
      await audit(page);
    });
  });

  test.describe("in Portuguese", () => {
    test.use({ locale: "pt-BR" });

    test("the list and the form", async ({ page, admin }) => {
      await fill(admin);
      await page.goto("/api-keys");
      await expect(page.getByRole("heading", { name: "Chaves de API", level: 1 })).toBeVisible();
      await audit(page);
      await page.goto("/api-keys/new");
      await expect(page.getByRole("checkbox").first()).toBeVisible();
      await audit(page);
    });
  });
});

/**
 * The controls on the page, and how high and wide the area is in which a press reaches each, in pixels. Controls within a sentence
 * are left out, as they are only as high as its line.
 */
function targets(page: Page): Promise<{ name: string; height: number; width: number; shared: boolean }[]> {
  return page.evaluate(() => {
    const controls = "button, a[href]:not([href='#main']), input:not([type=radio]), select, textarea, input + label";
    const inSentence = (control: HTMLElement) =>
      getComputedStyle(control).display === "inline" ||
      [...(control.parentNode?.childNodes ?? [])].some((node) => node instanceof Text && node.data.trim() !== "");
    const place = document.querySelector("[role=dialog]") ?? document;
    return [...place.querySelectorAll<HTMLElement>(controls)]
      .filter((control) => control.checkVisibility() && !control.closest("[aria-hidden]") && !inSentence(control))
      .map((control) => {
        control.scrollIntoView({ block: "center" });
        const box = control.getBoundingClientRect();
        const meets = (dx: number, dy: number) => {
          const there = document.elementFromPoint(box.x + box.width / 2 + dx, box.y + box.height / 2 + dy);
          return there !== null && (control.contains(there) || there.closest("label")?.control === control);
        };
        const reach = (dx: number, dy: number) => {
          let pixels = 0;
          while (pixels < 50 && meets(dx * (pixels + 0.5), dy * (pixels + 0.5))) pixels++;
          return pixels;
        };
        return {
          name: control.getAttribute("aria-label") ?? control.innerText,
          height: reach(0, -1) + reach(0, 1),
          width: reach(-1, 0) + reach(1, 0),
          shared: control.closest("th, .list_cardTitle") !== null,
        };
      });
  });
}

const pressed = ["the list", "the form", "the page of a key", "the use of all keys", "the audit log"] as const;

test.describe("what is pressed is large enough", () => {
  for (const name of pressed) {
    test(`for a mouse, on ${name}`, async ({ page, admin, operator, complaints }) => {
      await screens[name]?.({ page, admin, operator, complaints });
      const found = await targets(page);
      expect(found.length).toBeGreaterThan(5);
      expect(found.filter(({ height, width }) => Math.min(height, width) < 24)).toEqual([]);
    });
  }

  test.describe("for a finger", () => {
    test.use({ hasTouch: true, isMobile: true, viewport: { width: 320, height: 640 } });

    for (const name of pressed) {
      test(`on ${name}`, async ({ page, admin, operator, complaints }) => {
        await screens[name]?.({ page, admin, operator, complaints });
        const found = await targets(page);
        expect(found.length).toBeGreaterThan(5);
        // A key's name and the button below it share the height of their cell or card title.
        const least = (shared: boolean) => (shared ? 33 : 44);
        expect(found.filter(({ height, width, shared }) => height < least(shared) || width < 33)).toEqual([]);
      });
    }
  });
});

/** Records what live regions announce from now on. Text inside nested regions is recorded once per region. */
async function listen(page: Page): Promise<void> {
  await page.evaluate(() => {
    const said: (string | null)[] = [];
    Reflect.set(window, "said", said);
    new MutationObserver((changes) => {
      const changed = changes.flatMap(({ target, addedNodes }) => (addedNodes.length > 0 ? [...addedNodes] : [target]));
      for (const region of document.querySelectorAll("[aria-live], [role=status], [role=alert]")) {
        for (const node of changed) {
          if (region.contains(node)) said.push(node.textContent);
          else if (node.contains(region)) said.push(region.textContent);
        }
      }
    }).observe(document.body, { childList: true, characterData: true, subtree: true });
  });
}

test.describe("what changes is said, and said once", () => {
  const said = (page: Page) =>
    page.evaluate(() => (Reflect.get(window, "said") as string[]).map((text) => text.trim()).filter(Boolean));

  test("in the list", async ({ page, admin }) => {
    for (let index = 1; index <= 12; index++) await admin.createKey({ name: `Client ${index}` });
    await page.goto("/api-keys");
    await expect(line(page, "Client 12")).toBeVisible();
    await listen(page);
    const expected: string[] = [];
    const says = async (text: string) => {
      expected.push(text);
      await expect.poll(() => said(page)).toEqual(expected);
    };
    await page.getByRole("link", { name: "Next page" }).click();
    await says("API Keys 11–12 of 12");
    await page.getByRole("searchbox").fill("client 12");
    await says("1 API key found");
    await page.getByRole("button", { name: "Copy client ID of Client 12" }).click();
    await says("Copied");
    await choose(page, "Client 12", "Copy client ID");
    await says("Client ID copied");
  });

  test("in the audit log", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/audit");
    await expect(page.getByRole("button", { name: /created the API key ERP integration/ })).toBeVisible();
    await listen(page);
    const what = page.getByRole("combobox", { name: "What" });
    await what.selectOption("API key deleted");
    await expect.poll(() => said(page)).toEqual(["0 events found"]);
    await what.selectOption("API key created");
    await expect.poll(() => said(page)).toEqual(["0 events found", "1 event found"]);
  });
});

test.describe("who asked for less motion", () => {
  test("gets none", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.goto("/api-keys");
    await page.evaluate(() => {
      const moved: string[] = [];
      Reflect.set(window, "moved", moved);
      const note = (event: Event) => {
        const { target } = event;
        const name = event instanceof TransitionEvent ? event.propertyName : Reflect.get(event, "animationName");
        // A change of colour is not motion.
        if (!/color|opacity|shadow|outline|fill|stroke/.test(String(name))) moved.push(`${name} of ${target}`);
      };
      for (const type of ["transitionstart", "animationstart"]) document.addEventListener(type, note);
    });
    await choose(page, "ERP integration", "Generate new client secret");
    await expect(page.getByRole("dialog")).toBeVisible();
    await page.keyboard.press("Escape");
    await choose(page, "ERP integration", "Deactivate");
    await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
    expect(await page.evaluate(() => Reflect.get(window, "moved"))).toEqual([]);
  });
});

test("on paper the list is dark on white, without what can't be pressed there", async ({ page, admin }) => {
  await fill(admin);
  await page.goto("/api-keys?page_size=25");
  const row = line(page, "ERP integration");
  await expect(row).toBeVisible();
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  for (const text of [page.getByRole("heading", { level: 1 }), row.getByRole("link"), row.getByText("1 hour")]) {
    await expect(text).toHaveCSS("color", "rgb(23, 27, 38)");
  }
  expect(await findings(page, ["color-contrast"])).toEqual([]);
  await expect(page.getByRole("button", { name: "Name", exact: true }), "the head of a column").toBeVisible();
  await expect(row.getByRole("button", { name: "Show all 4 scopes" })).toBeVisible();
  const pressable = page.getByRole("main").locator("button, input, select, nav, a:not(th a)");
  expect(await pressable.filter({ visible: true }).allInnerTexts()).toEqual(["Name", "Last used", "Created", "+2"]);
  await expect(page.getByRole("navigation")).toHaveCount(0);
});

test.describe("where the system chooses the colours", () => {
  const background = (part: Locator) => part.evaluate((element) => getComputedStyle(element).backgroundColor);

  test("what is chosen, and where the keyboard is, can be told from the rest", async ({ page, admin }) => {
    await admin.createKey({ name: "ERP integration" });
    await page.emulateMedia({ forcedColors: "active" });
    await page.goto("/api-keys");
    const places = page.getByRole("navigation");
    const [here, elsewhere] = ["API Keys", "Usage"].map((name) => places.getByRole("link", { name, exact: true }));
    const [all, active] = ["All", "Active"].map((name) => page.locator("label", { hasText: name }).first());
    await page.getByRole("button", { name: "Actions for ERP integration" }).click();
    await page.keyboard.press("ArrowDown");
    const [first, second] = [0, 1].map((index) => page.getByRole("menuitem").nth(index));
    for (const [chosen, other] of [
      [here, elsewhere],
      [all, active],
      [second, first],
    ]) {
      if (chosen && other) await expect.poll(() => background(chosen)).not.toBe(await background(other));
    }
    await page.keyboard.press("Escape");
    const search = page.getByRole("searchbox");
    await search.focus();
    await expect(search).not.toHaveCSS("outline-style", "none");
    await line(page, "ERP integration").getByRole("link", { name: "ERP integration" }).click();
    await expect(page.getByRole("main").getByRole("link", { name: "API Keys" })).not.toHaveAttribute("aria-current");
  });
});
