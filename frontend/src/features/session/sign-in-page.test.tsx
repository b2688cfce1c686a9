import { screen } from "@testing-library/react";
import i18next from "i18next";
import { describe, expect, it } from "vitest";
import { addLanguage } from "@/test/language";
import { renderInConsole } from "@/test/render";
import { SignInPage } from "./sign-in-page";
import type { SingleSignOnFailure } from "./single-sign-on";

const failures: SingleSignOnFailure[] = [
  "access-denied",
  "deactivated",
  "email-taken",
  "email-unverified",
  "flow-expired",
  "invalid-response",
  "no-role",
  "provider-unavailable",
  "rate-limited",
];

function show(provider: { name: string } | null, failure?: SingleSignOnFailure) {
  return renderInConsole(
    <SignInPage provider={provider} failure={failure} returnTo="/audit?action=x" onSignedIn={() => undefined} />,
  );
}

describe("the sign-in page", () => {
  it("leads to the provider by its name, and back to where the operator wanted to be", () => {
    show({ name: "Acme" });
    const link = screen.getByRole("link", { name: "Sign in with Acme" });
    expect(link).toHaveAttribute("href", "/v1/session/oidc?return_to=%2Faudit%3Faction%3Dx");
    expect(screen.getByLabelText("Password")).toBeInTheDocument();
  });

  it("has a name for a provider without one", () => {
    show({ name: "" });
    expect(screen.getByRole("link", { name: "Single sign-on" })).toBeInTheDocument();
  });

  it("offers no provider where there is none", () => {
    show(null);
    expect(screen.queryByRole("link")).toBeNull();
  });

  it("writes each language in itself, for screen readers, too", () => {
    show(null);
    expect(screen.getByText("English")).toHaveAttribute("lang", "en");
    expect(screen.getByText("Português")).toHaveAttribute("lang", "pt-BR");
  });

  it.each(failures)("says in words that it was %s", async (failure) => {
    const { unmount } = show(null, failure);
    const text = screen.getByRole("alert").textContent;
    expect(text).not.toContain("singleSignOn");
    expect(text).toMatch(/^\p{Lu}.+\.$/u);
    unmount();
    const portuguese = (await addLanguage(i18next, "pt-BR")).t(`singleSignOn.failure.${failure}`);
    expect(portuguese).not.toBe(text);
    expect(portuguese).toMatch(/^\p{Lu}.+\.$/u);
  });
});
