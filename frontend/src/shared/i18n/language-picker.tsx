import { SegmentedControl } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import { chooseLanguage } from "./i18n";
import { type Language, languages } from "./language";

/** Each language is written in itself, for those who can't read the present one. */
export const languageNames: Record<Language, string> = { en: "English", "pt-BR": "Português" };

export function LanguagePicker() {
  const { t, i18n } = useTranslation();
  return (
    <SegmentedControl
      size="xs"
      aria-label={t("preferences.language")}
      value={i18n.language}
      onChange={(value) => {
        const language = languages.find((known) => known === value);
        if (language) void chooseLanguage(language);
      }}
      data={languages.map((language) => ({ value: language, label: languageNames[language] }))}
    />
  );
}
