import "@mantine/core/styles/PasswordInput.layer.css";
import { PasswordInput } from "@mantine/core";
import type { ComponentProps } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";

/** A field for a password, with a button that shows it. That it is wrong the library's own would tell only by its looks. */
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
