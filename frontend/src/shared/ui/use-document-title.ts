import { useEffect } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";

/** What stands in the browser's tab: the title and the product's name. */
export function useDocumentTitle(title: string): void {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);
}
