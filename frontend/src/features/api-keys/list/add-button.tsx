import { IconPlus } from "@tabler/icons-react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ButtonLink } from "@/shared/ui/button-link";

/** Leads to the form that creates a key. */
export function AddButton() {
  const { t } = useTranslation();
  return (
    <ButtonLink to="/api-keys/new" leftSection={<IconPlus size={16} stroke={2.2} aria-hidden />}>
      {t("action.add")}
    </ButtonLink>
  );
}
