/** A name as it looks: in HTML any white space is one space, and an accent is the same composed or not. */
const shown = (name: string) => name.normalize().replace(/\s+/g, " ").trim();

export function isNameTyped(typed: string, name: string): boolean {
  return shown(typed) === shown(name);
}
