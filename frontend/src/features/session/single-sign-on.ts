/** Why signing in with the provider came to nothing; the locale files hold one entry for each. */
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

/** The failure that a URL tells of. What it says beside is nobody's word, and is not shown. */
export function parseFailure(code: unknown): SingleSignOnFailure | undefined {
  return failures.find((known) => known === code);
}

/** Where signing in with the provider begins; it leads back to a path of this console. */
export function singleSignOnUrl(returnTo: string): string {
  return `/v1/session/oidc?${new URLSearchParams({ return_to: returnTo })}`;
}
