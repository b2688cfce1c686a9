const RECENT_MS = 24 * 60 * 60 * 1000;

/** A name as it looks: in HTML any white space is one space, and an accent is the same composed or not. */
const shown = (name: string) => name.normalize().replace(/\s+/g, " ").trim();

export function isNameTyped(typed: string, name: string): boolean {
  return shown(typed) === shown(name);
}

/** Whether deleting wants the name typed: the key was used in the last 24 hours, so something will break. */
export function needsTypedName(lastUsedAt: string | null, now: Date): boolean {
  return lastUsedAt !== null && now.getTime() - new Date(lastUsedAt).getTime() < RECENT_MS;
}
