export const languages = ["en", "pt-BR"] as const;
export type Language = (typeof languages)[number];

const STORAGE_KEY = "apikeys-language";

function isLanguage(value: unknown): value is Language {
  return languages.some((language) => language === value);
}

/** The language chosen in this browser, else the first of the browser's languages that the console supports, else English. */
export function preferredLanguage(): Language {
  try {
    const chosen = localStorage.getItem(STORAGE_KEY);
    if (isLanguage(chosen)) return chosen;
  } catch {
    // Storage can be switched off; the browser's languages then decide.
  }
  for (const tag of navigator.languages) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "pt") return "pt-BR";
    if (primary === "en") return "en";
  }
  return "en";
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // The choice then lasts until the page is reloaded.
  }
}
