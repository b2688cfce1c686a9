import type { Schemas } from "@/shared/api/client";
import type { ApiKey, Lifespan } from "../api/api-key";
import { defaultLifespan, isValidLifespan, type LifespanUnit } from "./lifespan";

export const NAME_LENGTH_MAX = 100;
export const DESCRIPTION_LENGTH_MAX = 500;

/** What the form edits. */
export interface KeyValues {
  name: string;
  description: string;
  scopes: string[];
  /** A text while it isn't a number. */
  lifespanValue: number | string;
  lifespanUnit: LifespanUnit;
}

export type KeyField = "name" | "description" | "scopes" | "lifespanValue";

export const emptyValues: KeyValues = {
  name: "",
  description: "",
  scopes: [],
  lifespanValue: defaultLifespan.value,
  lifespanUnit: defaultLifespan.unit,
};

export function valuesOf(key: ApiKey): KeyValues {
  return {
    name: key.name,
    description: key.description,
    scopes: key.scopes,
    lifespanValue: key.token_lifespan.value,
    lifespanUnit: key.token_lifespan.unit,
  };
}

/** The lifespan that the values stand for; only to be asked of values that passed the form's checks. */
export function lifespanOf(values: KeyValues): Lifespan {
  return { value: Number(values.lifespanValue), unit: values.lifespanUnit };
}

/** Characters as the service counts them: code points, not UTF-16 units. */
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

/** The form's field for a member's path in the service's words. */
export function fieldOf(path: string): KeyField | undefined {
  if (path === "name" || path === "description") return path;
  if (/^scopes\b/.test(path)) return "scopes";
  return /^token_lifespan\b/.test(path) ? "lifespanValue" : undefined;
}

function sameScopes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((scope) => b.includes(scope));
}

/** What an edit changes, member by member; null when it changes nothing. */
export function patchOf(base: KeyValues, values: KeyValues): Schemas["ApiKeyPatch"] | null {
  const before = lifespanOf(base);
  const after = lifespanOf(values);
  const patch: Schemas["ApiKeyPatch"] = {
    ...(values.name.trim() !== base.name && { name: values.name.trim() }),
    ...(values.description !== base.description && { description: values.description }),
    ...(!sameScopes(values.scopes, base.scopes) && { scopes: values.scopes }),
    ...((after.value !== before.value || after.unit !== before.unit) && { token_lifespan: after }),
  };
  return Object.keys(patch).length === 0 ? null : patch;
}

export type ChangedField = "name" | "description" | "scopes" | "lifespan";

/** Which fields differ between two states of a key. */
export function changedFields(before: KeyValues, after: KeyValues): ChangedField[] {
  const patch = patchOf(before, after) ?? {};
  const fields: ChangedField[] = [];
  if ("name" in patch) fields.push("name");
  if ("description" in patch) fields.push("description");
  if ("scopes" in patch) fields.push("scopes");
  if ("token_lifespan" in patch) fields.push("lifespan");
  return fields;
}

/**
 * Puts the operator's changes on top of what somebody else saved meanwhile. A field that the operator left alone takes
 * the other's value; scopes are merged one by one.
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
  };
}
