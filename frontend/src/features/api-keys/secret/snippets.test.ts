import { describe, expect, it } from "vitest";
import { snippets } from "./snippets";

const issuer = "https://keys.example.com";

describe("snippets with the secret at hand", () => {
  const all = snippets(issuer, "ak_EXAMPLE", "aks_EXAMPLE");

  it("hold it in .env and cURL only; programs read the environment", () => {
    expect(all.filter((each) => each.code.includes("aks_EXAMPLE")).map((each) => each.id)).toEqual([
      "env",
      "curlAuth",
      "curlToken",
    ]);
    for (const each of all) expect(each.holdsSecret).toBe(each.code.includes("aks_EXAMPLE"));
  });

  it("post the pair that cURL needs", () => {
    const auth = all.find((each) => each.id === "curlAuth")?.code ?? "";
    const body = auth.match(/-d '(.+)'/)?.[1] ?? "";
    expect(JSON.parse(body)).toEqual({ client_id: "ak_EXAMPLE", client_secret: "aks_EXAMPLE" });
    expect(all.find((each) => each.id === "curlToken")?.code).toContain("-u 'ak_EXAMPLE:aks_EXAMPLE'");
  });

  it("all name this service", () => {
    for (const each of all) expect(each.code).toContain(issuer);
  });
});

it("snippets without the secret refer to the environment", () => {
  const all = snippets(issuer, "ak_EXAMPLE");
  expect(all.some((each) => each.holdsSecret)).toBe(false);
  expect(all.find((each) => each.id === "curlToken")?.code).toContain('-u "ak_EXAMPLE:$API_CLIENT_SECRET"');
});
