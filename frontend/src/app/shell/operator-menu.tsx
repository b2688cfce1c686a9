import { UnstyledButton, VisuallyHidden } from "@mantine/core";
import { IconSelector } from "@tabler/icons-react";
import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { useMenuButton } from "@/shared/ui/menu-button";
import { onDemand } from "@/shared/ui/on-demand";
import classes from "./shell.module.css";

const OperatorMenuItems = onDemand(() => import("./operator-menu-items"));

/** Language, theme, password and sign-out, under the operator's name. */
export function OperatorMenu({ compact = false }: { compact?: boolean }) {
  const { t } = useTranslation();
  const { operator } = useSession();
  const { button, menu } = useMenuButton();
  const initial = operator.email.charAt(0).toUpperCase();
  return (
    <>
      <UnstyledButton {...button} className={classes.operator} data-compact={compact}>
        <VisuallyHidden>{t("operator.menu")}</VisuallyHidden>
        <span className={classes.avatar} aria-hidden>
          {initial}
        </span>
        {compact ? (
          <VisuallyHidden>{operator.email}</VisuallyHidden>
        ) : (
          <>
            <span className={classes.operatorText}>
              <span className={classes.operatorEmail} title={operator.email}>
                {operator.email}
              </span>
              <span className={classes.operatorRole}>{t(`operator.role.${operator.role}`)}</span>
            </span>
            <IconSelector size={15} stroke={1.8} aria-hidden />
          </>
        )}
      </UnstyledButton>
      {menu && <OperatorMenuItems menu={menu} compact={compact} />}
    </>
  );
}
