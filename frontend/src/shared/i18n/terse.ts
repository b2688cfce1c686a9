/** Portuguese writes "22 de nov. de 2026"; in columns and on axes the words in between are noise. */
export function terse(format: Intl.DateTimeFormat, at: Date): string {
  const parts = format.formatToParts(at);
  return parts.map(({ value }) => (value === " de " ? " " : value)).join("");
}
