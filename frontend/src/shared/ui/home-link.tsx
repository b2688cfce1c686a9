import { useTranslation } from "@/shared/i18n/use-translation";
import { ButtonLink } from "./button-link";

/** The way on from a page that doesn't exist or isn't for this operator. */
export function HomeLink() {
  const { t } = useTranslation();
  return (
    <ButtonLink to="/api-keys" variant="default">
      {t("notFound.home")}
    </ButtonLink>
  );
}
