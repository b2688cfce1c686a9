import { SegmentedControl } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import { toaster } from "@/shared/ui/toaster-store";
import { chooseLanguage } from "./i18n";
import { type Language, languages } from "./language";

/** Each language under its own name, for those who can't read the current one. */
export const languageNames: Record<Language, string> = { en: "English", "pt-BR": "Português" };

/** Changes the language. If its texts can't be fetched, the current language stays and an error is shown. */
export function useChooseLanguage(): (value: string) => void {
  const { t } = useTranslation();
  return (value) => {
    const language = languages.find((known) => known === value);
    if (!language) return;
    chooseLanguage(language).catch(() =>
      toaster.show({ tone: "error", message: t("preferences.languageFailed", { language: languageNames[language] }) }),
    );
  };
}

export function LanguagePicker() {
  const { t, language } = useTranslation();
  const choose = useChooseLanguage();
  return (
    <SegmentedControl
      size="xs"
      aria-label={t("preferences.language")}
      value={language}
      onChange={choose}
      data={languages.map((value) => ({ value, label: <span lang={value}>{languageNames[value]}</span> }))}
    />
  );
}
