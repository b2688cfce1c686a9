import { useTranslation } from "@/shared/i18n/use-translation";
import { ChoiceCards } from "@/shared/ui/choice-cards";
import type { Role } from "./api/operators";

export const roles: readonly Role[] = ["admin", "editor", "readonly"];

interface RoleChoiceProps {
  value: Role;
  onChange: (role: Role) => void;
  /** Whether the surrounding dialog focuses this first. */
  "data-autofocus"?: boolean;
}

export function RoleChoice({ value, ...props }: RoleChoiceProps) {
  const { t } = useTranslation();
  return (
    <ChoiceCards
      label={t("operators.role")}
      value={value}
      choices={roles.map((role) => ({
        value: role,
        title: t(`operator.role.${role}`),
        text: t(`operators.roleText.${role}`),
      }))}
      {...props}
    />
  );
}
