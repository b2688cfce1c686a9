import type { Schemas } from "@/shared/api/client";
import type { ApiKey, Lifespan } from "../api/api-key";
import { defaultLifespan, isValidLifespan, type LifespanUnit } from "../parts/lifespan";
import { rateLimitOf } from "../parts/rate-limit";

export const NAME_LENGTH_MAX = 100;
export const DESCRIPTION_LENGTH_MAX = 500;

/** The values that the form edits. */
export interface KeyValues {
  name: string;
  description: string;
  scopes: string[];
  /** A string while the input isn't a number. */
  lifespanValue: number | string;
  lifespanUnit: LifespanUnit;
  /** Empty for the service's default; any other string while the input isn't a number. */
  rateLimit: number | string;
}

export type KeyField = "name" | "description" | "scopes" | "lifespanValue" | "rateLimit";

export const emptyValues: KeyValues = {
  name: "",
  description: "",
  scopes: [],
  lifespanValue: defaultLifespan.value,
  lifespanUnit: defaultLifespan.unit,
  rateLimit: "",
};

export function valuesOf(key: ApiKey): KeyValues {
  return {
    name: key.name,
    description: key.description,
    scopes: key.scopes,
    lifespanValue: key.token_lifespan.value,
    lifespanUnit: key.token_lifespan.unit,
    rateLimit: key.rate_limit ?? "",
  };
}

/** The lifespan that the values stand for. Call it only with values that passed the form's checks. */
export function lifespanOf(values: KeyValues): Lifespan {
  return { value: Number(values.lifespanValue), unit: values.lifespanUnit };
}

/** The length in characters as the service counts them: code points, not UTF-16 units. */
function length(text: string): number {
  return [...text].length;
}

export function invalidName(name: string): "missing" | "long" | null {
  const trimmed = name.trim();
  if (trimmed === "") return "missing";
  return length(trimmed) > NAME_LENGTH_MAX ? "long" : null;
}

export function isDescriptionValid(description: string): boolean {
  return length(description) <= DESCRIPTION_LENGTH_MAX;
}

export function isLifespanValid(values: KeyValues): boolean {
  return isValidLifespan(values.lifespanValue, values.lifespanUnit);
}

/** The form's field for a member's path as the service names it. */
export function fieldOf(path: string): KeyField | undefined {
  if (path === "name" || path === "description") return path;
  if (/^scopes\b/.test(path)) return "scopes";
  if (/^token_lifespan\b/.test(path)) return "lifespanValue";
  return path === "rate_limit" ? "rateLimit" : undefined;
}

function sameScopes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((scope) => b.includes(scope));
}

/** The members that an edit changes; null when it changes nothing. */
export function patchOf(base: KeyValues, values: KeyValues): Schemas["ApiKeyPatch"] | null {
  const before = lifespanOf(base);
  const after = lifespanOf(values);
  const patch: Schemas["ApiKeyPatch"] = {
    ...(values.name.trim() !== base.name && { name: values.name.trim() }),
    ...(values.description !== base.description && { description: values.description }),
    ...(!sameScopes(values.scopes, base.scopes) && { scopes: values.scopes }),
    ...((after.value !== before.value || after.unit !== before.unit) && { token_lifespan: after }),
    ...(values.rateLimit !== base.rateLimit && { rate_limit: rateLimitOf(values.rateLimit) }),
  };
  return Object.keys(patch).length === 0 ? null : patch;
}

export type ChangedField = "name" | "description" | "scopes" | "lifespan" | "rateLimit";

/** The fields in which two states of a key differ. */
export function changedFields(before: KeyValues, after: KeyValues): ChangedField[] {
  const patch = patchOf(before, after) ?? {};
  const fields: ChangedField[] = [];
  if ("name" in patch) fields.push("name");
  if ("description" in patch) fields.push("description");
  if ("scopes" in patch) fields.push("scopes");
  if ("token_lifespan" in patch) fields.push("lifespan");
  if ("rate_limit" in patch) fields.push("rateLimit");
  return fields;
}

/**
 * Applies the operator's changes on top of what somebody else has saved meanwhile. A field that the operator left alone takes
 * the other person's value; scopes are merged one by one.
 */
export function reapply(base: KeyValues, mine: KeyValues, theirs: KeyValues): KeyValues {
  const changed = changedFields(base, mine);
  const added = mine.scopes.filter((scope) => !base.scopes.includes(scope));
  const removed = base.scopes.filter((scope) => !mine.scopes.includes(scope));
  const lifespan = changed.includes("lifespan") ? mine : theirs;
  return {
    name: changed.includes("name") ? mine.name : theirs.name,
    description: changed.includes("description") ? mine.description : theirs.description,
    scopes: [...new Set([...theirs.scopes, ...added])].filter((scope) => !removed.includes(scope)),
    lifespanValue: lifespan.lifespanValue,
    lifespanUnit: lifespan.lifespanUnit,
    rateLimit: changed.includes("rateLimit") ? mine.rateLimit : theirs.rateLimit,
  };
}
