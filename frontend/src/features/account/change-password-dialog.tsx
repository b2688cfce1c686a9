import "@mantine/core/styles/PasswordInput.layer.css";
import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { rejectedFields } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Dialog, DialogCancel } from "@/shared/ui/dialog";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { toaster } from "@/shared/ui/toaster-store";
import { useChangePassword } from "./change-password";
import { passwordProblem } from "./new-password";
import { NewPasswordFields } from "./new-password-fields";

const blank = { password: "", repeated: "" };

/** Changes one's own password. */
export default function ChangePasswordDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChangePassword();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState(blank);
  const [checked, setChecked] = useState(false);
  const rejected = rejectedFields(change.error, (path) =>
    path === "current_password" ? "current" : path === "new_password" ? "next" : undefined,
  );
  const problem = checked ? passwordProblem(next.password, next.repeated) : undefined;

  function submit(event: FormEvent) {
    event.preventDefault();
    setChecked(true);
    if (current === "" || passwordProblem(next.password, next.repeated)) return;
    change.mutate(
      { current_password: current, new_password: next.password },
      {
        onSuccess: () => {
          toaster.show({ tone: "success", message: t("password.changed") });
          onClose();
        },
      },
    );
  }

  return (
    <Dialog onClose={onClose} title={t("password.changeTitle")} size="md" busy={change.isPending}>
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          <Text size="md" c="dimmed">
            {t("password.changeText")}
          </Text>
          <PasswordInput
            label={t("password.current")}
            autoComplete="current-password"
            data-autofocus
            visibilityToggleButtonProps={{ "aria-label": t("signIn.showPassword"), tabIndex: 0 }}
            value={current}
            error={
              (checked && current === "" && t("signIn.passwordMissing")) ||
              (rejected.includes("current") && t("password.wrong"))
            }
            onChange={(event) => {
              setCurrent(event.currentTarget.value);
              if (change.error) change.reset();
            }}
          />
          <NewPasswordFields
            value={next}
            problem={problem ?? (rejected.includes("next") ? "rejected" : undefined)}
            onChange={setNext}
          />
          {change.error && rejected.length === 0 && <ProblemAlert error={change.error} />}
        </Stack>
        <Group justify="flex-end" gap="xs" mt="xl">
          <DialogCancel />
          <Button type="submit" loading={change.isPending}>
            {t("password.change")}
          </Button>
        </Group>
      </form>
    </Dialog>
  );
}
