import type { TFunction } from "i18next";
import { ApiError } from "./api-error";

/** The codes that have a text of their own; the locale files hold one entry for each. */
const known = [
  "api-key/conflict",
  "api-key/name-taken",
  "api-key/no-rotation",
  "api-key/not-found",
  "api-key/precondition-failed",
  "api-key/rotation-in-progress",
  "authorization/forbidden",
  "bad-request/invalid-parameters",
  "failed",
  "idempotency/mismatch",
  "internal/error",
  "invitation/not-found",
  "network/unanswered",
  "network/unreachable",
  "operator/deactivated",
  "operator/email-taken",
  "operator/last-admin",
  "operator/not-found",
  "operator/single-sign-on",
  "operator/too-many",
  "rate-limit/exceeded",
  "secret/not-found",
  "service/unavailable",
] as const;

type KnownCode = (typeof known)[number];

function isKnown(code: string): code is KnownCode {
  return (known as readonly string[]).includes(code);
}

/** Says, in the operator's language, what went wrong and what to do about it. */
export function problemMessage(t: TFunction, error: unknown): string {
  if (!(error instanceof ApiError)) return t("problem.unknown");
  if (error.code === "rate-limit/exceeded" && error.retryAfterSeconds) {
    return t("problem.rateLimitWait", { seconds: error.retryAfterSeconds });
  }
  return isKnown(error.code) ? t(`problem.${error.code}`) : t("problem.unknown");
}

/** The request's id, worth quoting when the service is at fault; undefined for mistakes that the operator can correct. */
export function reportableRequestId(error: unknown): string | undefined {
  return error instanceof ApiError && error.status >= 500 ? error.requestId : undefined;
}

/**
 * The form fields that the service objected to. `fieldOf` maps a member's path to the form's field, or to undefined for a
 * member that the form doesn't show.
 */
export function rejectedFields<Field extends string>(
  error: unknown,
  fieldOf: (path: string) => Field | undefined,
): Field[] {
  if (!(error instanceof ApiError)) return [];
  const fields = error.fieldErrors.map((entry) => fieldOf(entry.field)).filter((field) => field !== undefined);
  return [...new Set(fields)];
}
