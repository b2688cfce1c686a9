/** A name as it looks: HTML collapses white space into one space, and composed and decomposed accents look the same. */
const shown = (name: string) => name.normalize().replace(/\s+/g, " ").trim();

export function isNameTyped(typed: string, name: string): boolean {
  return shown(typed) === shown(name);
}
