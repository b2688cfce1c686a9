import i18next, { type i18n, type ResourceLanguage } from "i18next";
import { initReactI18next } from "react-i18next";
import { durationInWords } from "./duration";
import { type Language, languages, preferredLanguage, rememberLanguage } from "./language";
import type en from "./locales/en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
  }
}

const load: Record<Language, () => Promise<{ default: ResourceLanguage }>> = {
  en: () => import("./locales/en.json"),
  "pt-BR": () => import("./locales/pt-BR.json"),
};

async function addResources(instance: i18n, language: Language): Promise<void> {
  if (instance.hasResourceBundle(language, "translation")) return;
  const { default: texts } = await load[language]();
  instance.addResourceBundle(language, "translation", texts);
}

/** Starts with the texts of one language; the other is fetched when it is chosen. */
export async function startI18n(language: Language = preferredLanguage()): Promise<i18n> {
  const { default: texts } = await load[language]();
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    supportedLngs: languages,
    resources: { [language]: { translation: texts } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  i18next.services.formatter?.add("duration", (seconds: number, lng) => durationInWords(seconds, lng ?? language));
  document.documentElement.lang = language;
  return i18next;
}

export async function chooseLanguage(language: Language): Promise<void> {
  await addResources(i18next, language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  rememberLanguage(language);
}
