import "@mantine/core/styles/PasswordInput.layer.css";
import { PasswordInput } from "@mantine/core";
import type { ComponentProps } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";

/** A password field with a button that reveals the password. Mantine's own shows an error only visually. */
export function PasswordField(props: ComponentProps<typeof PasswordInput>) {
  const { t } = useTranslation();
  return (
    <PasswordInput
      aria-invalid={props.error ? true : undefined}
      visibilityToggleButtonProps={{ "aria-label": t("signIn.showPassword"), tabIndex: 0 }}
      {...props}
    />
  );
}
