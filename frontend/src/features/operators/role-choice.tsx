import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/Radio.layer.css";
import "@mantine/core/styles/RadioCard.layer.css";
import "@mantine/core/styles/RadioIndicator.layer.css";
import { Radio } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Role } from "./api/operators";
import classes from "./operators.module.css";

export const roles: readonly Role[] = ["admin", "editor", "readonly"];

export function RoleChoice({ value, onChange }: { value: Role; onChange: (role: Role) => void }) {
  const { t } = useTranslation();
  return (
    <Radio.Group
      label={t("operators.role")}
      value={value}
      onChange={(chosen) => onChange(roles.find((role) => role === chosen) ?? value)}
    >
      <div className={classes.choices}>
        {roles.map((role) => (
          <Radio.Card key={role} value={role} className={classes.choice}>
            <Radio.Indicator className={classes.choiceIndicator} size="xs" />
            <span>
              <span className={classes.choiceTitle}>{t(`operator.role.${role}`)}</span>
              <span className={classes.choiceText}>{t(`operators.roleText.${role}`)}</span>
            </span>
          </Radio.Card>
        ))}
      </div>
    </Radio.Group>
  );
}
