import { Button } from "@mantine/core";
import { IconExternalLink, IconLogin2 } from "@tabler/icons-react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { singleSignOnUrl } from "./single-sign-on";

interface SingleSignOnButtonProps {
  /** The provider's name; it may be empty. */
  name: string;
  returnTo: string;
  /** Opens the provider in a new tab and leaves this page as it is. */
  newTab?: boolean;
}

/** Leads to the provider. It is a link because the browser itself has to navigate there. */
export function SingleSignOnButton({ name, returnTo, newTab = false }: SingleSignOnButtonProps) {
  const { t } = useTranslation();
  const Icon = newTab ? IconExternalLink : IconLogin2;
  return (
    <Button
      component="a"
      href={singleSignOnUrl(returnTo)}
      target={newTab ? "_blank" : undefined}
      rel={newTab ? "noopener" : undefined}
      variant="default"
      fullWidth
      leftSection={<Icon size={17} stroke={1.8} aria-hidden />}
    >
      {name === "" ? t("singleSignOn.plain") : t("singleSignOn.with", { name })}
    </Button>
  );
}
