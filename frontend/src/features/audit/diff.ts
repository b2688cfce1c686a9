import type { Event } from "./api/event";

/** A change of one member; a side is undefined when there was or is no value. */
export interface Change {
  member: string;
  before: unknown;
  after: unknown;
}

/** The order in which people look for members; all others follow in alphabetical order. */
const order = ["name", "email", "description", "status", "role", "scopes", "token_lifespan", "rate_limit", "secrets"];

function rank(member: string): number {
  const position = order.indexOf(member);
  return position === -1 ? order.length : position;
}

/** What an event changed, member by member. */
export function changesOf(event: Pick<Event, "before" | "after">): Change[] {
  const before = event.before ?? {};
  const after = event.after ?? {};
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
    .map((member) => ({ member, before: before[member], after: after[member] }));
}

type LineState = "same" | "added" | "removed";

/** An entry of a list that changed. */
export interface Line {
  text: string;
  state: LineState;
}

/** Compares two lists of texts: removed texts come first, then the current ones in their order. */
export function compareLists(before: readonly string[], after: readonly string[]): Line[] {
  const removed = before.filter((text) => !after.includes(text)).map((text): Line => ({ text, state: "removed" }));
  const present = after.map((text): Line => ({ text, state: before.includes(text) ? "same" : "added" }));
  return [...removed, ...present];
}

export function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

export interface SecretView {
  last_four: string;
  expires_at?: string;
}

export function isSecretList(value: unknown): value is SecretView[] {
  return (
    Array.isArray(value) &&
    value.every((each: unknown) => typeof each === "object" && each !== null && "last_four" in each)
  );
}

export function isLifespan(value: unknown): value is { value: number; unit: "hours" | "minutes" } {
  return (
    typeof value === "object" &&
    value !== null &&
    "value" in value &&
    typeof value.value === "number" &&
    "unit" in value &&
    (value.unit === "hours" || value.unit === "minutes")
  );
}
