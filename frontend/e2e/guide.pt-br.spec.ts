import { expect, test } from "./fixtures/console";
import {
  clipboard,
  fillKey,
  line,
  nameField,
  names,
  portuguese,
  save,
  secretWindow,
  shownSecret,
} from "./fixtures/screens";

// Follows the vendor's guide in Portuguese, in the vendor's own terms.

test.use({ locale: "pt-BR" });

test("a key's life in Portuguese", async ({ page, context, admin }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/");
  await expect(page).toHaveTitle("Chaves de API · Chaves de API");
  expect(await page.getAttribute("html", "lang")).toBe("pt-BR");
  await expect(page.getByRole("navigation").getByRole("link", { name: "Chaves de API" })).toBeVisible();

  await test.step("adicionar", async () => {
    await page.getByRole("link", { name: "Adicionar" }).first().click();
    await expect(page.getByRole("region", { name: "Escopos" })).toBeVisible();
    const lifespan = page.getByRole("region", { name: "Tempo de vida do token" });
    await expect(lifespan.getByRole("radiogroup", { name: "Unidade" })).toBeVisible();
    await fillKey(page, "Integração ERP", portuguese);
    await page.getByRole("textbox", { name: "Descrição" }).fill("Exportação noturna");
    await lifespan.getByText("Minutos", { exact: true }).click();
    await lifespan.getByRole("textbox", { name: "Valor" }).fill("30");
    await save(page, portuguese);
  });

  const clientSecret = await test.step("copiar a client secret", async () => {
    const window = secretWindow(page, "Chave de API criada");
    await expect(window).toContainText("nunca mais será exibida");
    await expect(window.getByText("Client ID", { exact: true })).toBeVisible();
    await expect(window.getByText("Client secret", { exact: true })).toBeVisible();
    const secret = await shownSecret(window);
    await window.getByRole("button", { name: "Copiar client secret" }).click();
    await expect(window.getByText("Copiado", { exact: true })).toBeVisible();
    expect(await clipboard(page)).toBe(secret);
    await window.getByRole("button", { name: "Fechar" }).last().click();
    return secret;
  });

  const row = line(page, "Integração ERP");
  await expect(row).toContainText("30 minutos");
  await expect(row).toContainText("Nunca");
  await expect(row).toContainText("Ativa");
  const clientId = await row.getByText(/^ak_\w+$/).innerText();
  expect((await admin.exchange(clientId, clientSecret)).status).toBe(201);

  await test.step("filtrar", async () => {
    await page.getByRole("searchbox", { name: "Buscar chaves de API por nome ou Client ID" }).fill("INTEGRACAO");
    await expect(page).toHaveURL(/search=INTEGRACAO/);
    await expect(names(page)).toHaveText(["Integração ERP"]);
    await page.getByRole("radiogroup", { name: "Status" }).getByText("Inativas").click();
    await expect(page.getByText("Nenhuma chave de API encontrada")).toBeVisible();
    await page.getByRole("button", { name: "Limpar filtros" }).click();
    await expect(row).toBeVisible();
  });

  const choose = async (action: string) => {
    await page.getByRole("button", { name: "Ações de Integração ERP" }).click();
    await page.getByRole("menuitem", { name: action, exact: true }).click();
  };

  await test.step("desativar e ativar", async () => {
    await choose("Desativar");
    await expect(row.getByText("Inativa", { exact: true })).toBeVisible();
    await choose("Ativar");
    await expect(row.getByText("Ativa", { exact: true })).toBeVisible();
  });

  await test.step("gerar nova client secret", async () => {
    await choose("Gerar nova client secret");
    const confirmation = page.getByRole("dialog", { name: "Gerar nova client secret" });
    await confirmation.getByRole("radio", { name: /Manter a antiga por 24 horas/ }).click();
    await confirmation.getByRole("button", { name: "Gerar nova client secret" }).click();
    const window = secretWindow(page, "Nova client secret");
    expect(await shownSecret(window)).not.toBe(clientSecret);
    await window.getByRole("checkbox", { name: "Guardei a client secret" }).check();
    await window.getByRole("button", { name: "Fechar" }).last().click();
    await expect(row).toContainText("Duas secrets");
  });

  await test.step("editar", async () => {
    await choose("Editar");
    await expect(page.getByText("O Client ID nunca muda.")).toBeVisible();
    await nameField(page, portuguese).fill("Integração do ERP");
    await save(page, portuguese);
    await expect(line(page, "Integração do ERP")).toBeVisible();
  });

  await test.step("excluir", async () => {
    await page.getByRole("button", { name: "Ações de Integração do ERP" }).click();
    await page.getByRole("menuitem", { name: "Excluir", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Excluir chave de API?" });
    // The key has just been used, so its name has to be typed.
    const confirm = dialog.getByRole("button", { name: "Excluir chave de API" });
    await dialog.getByRole("textbox", { name: "Digite Integração do ERP para confirmar" }).fill("Integração do ERP");
    await confirm.click();
    await expect(page.getByText("Ainda não há chaves de API")).toBeVisible();
  });
});

test("dates, numbers and lifespans are written the Portuguese way", async ({ page, admin }) => {
  const key = await admin.createKey({ name: "Relatório", token_lifespan: { value: 1, unit: "hours" } });
  await page.goto("/api-keys");
  const row = line(page, "Relatório");
  await expect(row).toContainText("1 hora");
  const created = new Date(key.created_at);
  const day = created.toLocaleDateString("pt-BR", { day: "numeric", timeZone: "America/Sao_Paulo" });
  const year = created.toLocaleDateString("pt-BR", { year: "numeric", timeZone: "America/Sao_Paulo" });
  await expect(row.getByRole("time").last()).toHaveText(new RegExp(`^${day} \\p{L}{3}\\.? ${year}$`, "u"));
});

test("the language is chosen in the operator's menu, and kept", async ({ page, operator }) => {
  await page.goto("/api-keys");
  await page.getByRole("button", { name: `Menu do operador: ${operator.email}` }).click();
  await page.getByRole("menuitemradio", { name: "English" }).click();
  await expect(page.getByRole("heading", { name: "API Keys", level: 1 })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "API Keys", level: 1 })).toBeVisible();
  expect(await page.getAttribute("html", "lang")).toBe("en");
});
