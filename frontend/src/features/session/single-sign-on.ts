/** Why signing in with the provider failed; the locale files hold one entry for each. */
const failures = [
  "access-denied",
  "deactivated",
  "email-taken",
  "email-unverified",
  "flow-expired",
  "invalid-response",
  "no-role",
  "provider-unavailable",
  "rate-limited",
] as const;

export type SingleSignOnFailure = (typeof failures)[number];

/** The failure that a URL names, if it is a known one. Anyone can write a URL, so any other text in it is not shown. */
export function parseFailure(code: unknown): SingleSignOnFailure | undefined {
  return failures.find((known) => known === code);
}

/** Where signing in with the provider begins; afterwards the browser returns to the given path of this console. */
export function singleSignOnUrl(returnTo: string): string {
  return `/v1/session/oidc?${new URLSearchParams({ return_to: returnTo })}`;
}
