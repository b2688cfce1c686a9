import { useEffect } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";

/** Sets the title of the browser's tab: the page's title and the product's name. */
export function useDocumentTitle(title: string): void {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);
}
