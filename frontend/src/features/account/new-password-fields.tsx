import { useTranslation } from "@/shared/i18n/use-translation";
import { PasswordField } from "@/shared/ui/password-field";
import { PASSWORD_MAX, PASSWORD_MIN, type PasswordProblem } from "./new-password";

export interface NewPassword {
  password: string;
  repeated: string;
}

interface NewPasswordFieldsProps {
  value: NewPassword;
  problem: PasswordProblem | "rejected" | undefined;
  onChange: (value: NewPassword) => void;
}

/** Asks for a new password, twice. */
export function NewPasswordFields({ value, problem, onChange }: NewPasswordFieldsProps) {
  const { t } = useTranslation();
  return (
    <>
      <PasswordField
        label={t("password.new")}
        description={t("password.rule", { min: PASSWORD_MIN })}
        autoComplete="new-password"
        value={value.password}
        error={
          (problem === "short" && t("password.short", { min: PASSWORD_MIN })) ||
          (problem === "long" && t("password.long", { max: PASSWORD_MAX })) ||
          (problem === "rejected" && t("password.rejected"))
        }
        onChange={(event) => onChange({ ...value, password: event.currentTarget.value })}
      />
      <PasswordField
        label={t("password.repeat")}
        autoComplete="new-password"
        value={value.repeated}
        error={problem === "different" && t("password.different")}
        onChange={(event) => onChange({ ...value, repeated: event.currentTarget.value })}
      />
    </>
  );
}
