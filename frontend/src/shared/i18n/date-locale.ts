/**
 * The browser's own variant of a language, for dates: "Nov 10, 2026, 2:05 PM" in New York, "10 Nov 2026, 14:05" in London.
 */
export function dateLocale(language: string): string {
  const own = new Intl.NumberFormat().resolvedOptions().locale;
  return own.split("-")[0] === language.split("-")[0] ? own : language;
}
