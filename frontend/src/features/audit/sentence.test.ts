import i18next, { type i18n } from "i18next";
import { beforeAll, describe, expect, it } from "vitest";
import { event } from "@/test/fixtures";
import { addLanguage } from "@/test/language";
import type { Event } from "./api/event";
import { actions, plainSentence, sentence } from "./sentence";

const noNames = new Map<string, string>();

function about(action: string): Event {
  const kind = action.startsWith("operator.") ? "operator" : "api-key";
  return event({ action, subject: { kind, id: kind === "operator" ? "op-2" : "ak_EXAMPLE" } });
}

describe.each(["en", "pt-BR"] as const)("a sentence in %s", (language) => {
  let texts: i18n;

  beforeAll(async () => {
    texts = await addLanguage(i18next, language);
  });

  const written = (each: Event, names = noNames) => plainSentence(sentence(texts.t, each, names));

  it.each(actions)("is written for %s", (action) => {
    const text = written(about(action));
    expect(text).not.toContain("audit.");
    expect(text).not.toContain(action);
    expect(text).not.toMatch(/[{}\uE000\uE001]/);
    expect(text).toMatch(/^\p{L}/u);
  });

  it("names an action that it does not know", () => {
    expect(written(event({ action: "api-key.polished" }))).toBe("ana@example.com: api-key.polished ak_EXAMPLE");
  });
});

describe("a sentence", () => {
  const written = (each: Event, names = noNames) => plainSentence(sentence(i18next.t, each, names));

  it("calls a key by its current name, else by what the event says, else by its client ID", () => {
    const renamed = event({ before: { name: "Old" }, after: { name: "New" } });
    expect(written(renamed, new Map([["ak_EXAMPLE", "Newest"]]))).toContain("Newest");
    expect(written(renamed)).toContain("New");
    expect(written(event())).toContain("ak_EXAMPLE");
  });

  it("takes nothing in a name for more than a name", () => {
    const name = "<b>{{actor}} $t(app.name) \uE000";
    expect(written(event(), new Map([["ak_EXAMPLE", name]]))).toBe(`ana@example.com edited the API key ${name}`);
  });

  it("leads to the key, and nowhere from an operator", () => {
    const links = (each: Event) =>
      sentence(i18next.t, each, noNames).flatMap((piece) => (piece.kind === "subject" ? [piece.clientId] : []));
    expect(links(event())).toEqual(["ak_EXAMPLE"]);
    expect(links(about("operator.updated"))).toEqual([undefined]);
  });

  it("counts failed sign-ins, and says when nobody knows the account", () => {
    const failed = about("operator.sign-in-failed");
    const known = { ...failed, after: { attempts: 3, email: "rui@example.com" } };
    expect(written(known)).toBe("Somebody failed to sign in as rui@example.com 3 times");
    const unknown = { ...failed, subject: { kind: "operator", id: "" }, after: { attempts: 1 } };
    expect(written(unknown)).toBe("Somebody failed to sign in with an unknown account");
  });

  it("tells how somebody signed in, and why somebody was refused", () => {
    const signedIn = about("operator.signed-in");
    expect(written({ ...signedIn, after: { method: "password" } })).toBe("ana@example.com signed in");
    expect(written({ ...signedIn, after: { method: "oidc" } })).toBe("ana@example.com signed in with the provider");
    const refused = { ...about("operator.sign-in-refused"), subject: { kind: "operator", id: "" } };
    expect(written({ ...refused, after: { reason: "no-role", email: "rui@example.com" } })).toBe(
      "The sign-in of rui@example.com with the provider was refused: no role is assigned",
    );
    expect(written({ ...refused, after: { reason: "email-unverified" } })).toBe(
      "A sign-in with the provider was refused: the email address is not verified",
    );
    const first = { ...about("operator.created"), subject: { kind: "operator", id: "op-1" } };
    expect(written(first)).toBe(
      "ana@example.com became an operator by signing in with the provider for the first time",
    );
  });

  it("tells one's own password from another's", () => {
    const set = about("operator.password-set");
    expect(written({ ...set, subject: { kind: "operator", id: "op-1" } })).toBe("ana@example.com set a new password");
    expect(written(set, new Map([["op-2", "rui@example.com"]]))).toBe(
      "ana@example.com set the password of rui@example.com",
    );
  });

  it("tells the service from its command line", () => {
    const by = (id: string) => written(event({ actor: { kind: "system", id, name: id } }));
    expect(by("serve")).toMatch(/^The service /);
    expect(by("operator create")).toMatch(/^The command “operator create” /);
  });
});
