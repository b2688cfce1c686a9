import type { i18n } from "i18next";
import en from "@/shared/i18n/locales/en.json";
import portuguese from "@/shared/i18n/locales/pt-BR.json";

const texts = { en, "pt-BR": portuguese };

/** Returns a copy of `instance` in another language, leaving the test's own instance unchanged. */
export async function addLanguage(instance: i18n, language: keyof typeof texts): Promise<i18n> {
  const own = instance.cloneInstance();
  own.addResourceBundle(language, "translation", texts[language]);
  await own.changeLanguage(language);
  return own;
}
