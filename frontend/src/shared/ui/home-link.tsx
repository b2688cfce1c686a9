import { useTranslation } from "@/shared/i18n/use-translation";
import { ButtonLink } from "./button-link";

/** The way on from a page that there is not, or not for the operator. */
export function HomeLink() {
  const { t } = useTranslation();
  return (
    <ButtonLink to="/api-keys" variant="default">
      {t("notFound.home")}
    </ButtonLink>
  );
}
