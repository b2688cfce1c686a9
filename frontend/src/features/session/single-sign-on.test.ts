import { describe, expect, it } from "vitest";
import { parseFailure, singleSignOnUrl } from "./single-sign-on";

describe("signing in with the provider", () => {
  it("begins with the path to return to, as one parameter whatever it holds", () => {
    const url = new URL(singleSignOnUrl("/api-keys?status=active&search=a b#top"), "https://keys.example.com");
    expect(url.pathname).toBe("/v1/session/oidc");
    expect([...url.searchParams]).toEqual([["return_to", "/api-keys?status=active&search=a b#top"]]);
    expect(url.hash).toBe("");
  });

  it("fails for reasons that the console knows, and for nothing that a link invents", () => {
    expect(parseFailure("no-role")).toBe("no-role");
    for (const invented of [undefined, "", "constructor", "Call 555-0100", ["no-role"]]) {
      expect(parseFailure(invented)).toBeUndefined();
    }
  });
});
