import type { TFunction } from "i18next";
import { formatLifespan } from "@/features/api-keys/parts/lifespan";
import { formatRateLimit } from "@/features/api-keys/parts/rate-limit";
import type { Format } from "@/shared/i18n/use-format";
import { isLifespan, isSecretList, isTextList } from "./diff";
import { reasonText } from "./sentence";

/** The members that have a name of their own in the locale files. */
const members = [
  "addresses",
  "algorithm",
  "attempts",
  "description",
  "email",
  "expires_at",
  "first_at",
  "from_seq",
  "generation",
  "issuer",
  "jti",
  "last_at",
  "method",
  "name",
  "not_before",
  "older_than",
  "provider_role",
  "rate_limit",
  "reason",
  "refused",
  "retires",
  "role",
  "scopes",
  "secrets",
  "session_generation",
  "sign_in_method",
  "status",
  "subject",
  "token_lifespan",
  "up_to_seq",
] as const;

export function memberLabel(t: TFunction, member: string): string {
  const known = members.find((each) => each === member);
  return known ? t(`audit.member.${known}`) : member;
}

const roles = ["admin", "editor", "readonly"] as const;
const methods = ["password", "oidc"] as const;

/** Keys and operators have separate words for their status, because languages with gender inflect them differently. */
function statusText(t: TFunction, kind: string, value: string): string {
  if (kind === "api-key" && (value === "active" || value === "inactive")) return t(`status.${value}`);
  if (kind === "operator" && (value === "active" || value === "invited" || value === "deactivated"))
    return t(`operators.status.${value}`);
  return value;
}

/** The value of a member, in words, for a subject of the given kind; a list takes several lines. */
export function memberLines(t: TFunction, format: Format, kind: string, member: string, value: unknown): string[] {
  if (member === "rate_limit" && (value === null || typeof value === "number")) {
    return [formatRateLimit(t, value)];
  }
  if (value === undefined || value === null) return [];
  if (isSecretList(value)) {
    return value.map((secret) =>
      secret.expires_at
        ? t("audit.value.oldSecret", { lastFour: secret.last_four, until: format.dateTime(secret.expires_at) })
        : t("audit.value.secret", { lastFour: secret.last_four }),
    );
  }
  if (isTextList(value)) return value;
  if (isLifespan(value)) return [formatLifespan(t, value)];
  if (typeof value === "number") return [format.number(value)];
  if (typeof value === "object") {
    return Object.entries(value).flatMap(([key, each]) =>
      memberLines(t, format, kind, key, each).map((line) => `${key}: ${line}`),
    );
  }
  if (typeof value !== "string") return [String(value)];
  if (value === "") return [t("audit.value.empty")];
  const role = member === "role" || member === "provider_role" ? roles.find((each) => each === value) : undefined;
  if (role) return [t(`operator.role.${role}`)];
  const method = member.endsWith("method") ? methods.find((each) => each === value) : undefined;
  if (method) return [t(`operators.method.${method}`)];
  if (member === "reason") return [reasonText(t, value)];
  if (member === "status") return [statusText(t, kind, value)];
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/.test(value)) return [format.dateTime(value)];
  return [value];
}
