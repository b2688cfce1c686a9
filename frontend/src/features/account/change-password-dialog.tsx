import { Button, Group, Stack, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { rejectedFields } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Dialog, DialogCancel } from "@/shared/ui/dialog";
import { PasswordField } from "@/shared/ui/password-field";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { toaster } from "@/shared/ui/toaster-store";
import { useFailures } from "@/shared/ui/use-failures";
import { useChangePassword } from "./change-password";
import { passwordProblem } from "./new-password";
import { NewPasswordFields } from "./new-password-fields";

const blank = { password: "", repeated: "" };

/** Changes the operator's own password. */
export default function ChangePasswordDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const change = useChangePassword();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState(blank);
  const { ref, failed, fail } = useFailures();
  const rejected = rejectedFields(change.error, (path) =>
    path === "current_password" ? "current" : path === "new_password" ? "next" : undefined,
  );
  const problem = failed ? passwordProblem(next.password, next.repeated) : undefined;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (current === "" || passwordProblem(next.password, next.repeated)) {
      fail();
      return;
    }
    change.mutate(
      { current_password: current, new_password: next.password },
      {
        onSuccess: () => {
          toaster.show({ tone: "success", message: t("password.changed") });
          onClose();
        },
        onError: fail,
      },
    );
  }

  return (
    <Dialog onClose={onClose} title={t("password.changeTitle")} size="md" busy={change.isPending}>
      <form ref={ref} onSubmit={submit} noValidate>
        <Stack gap="md">
          <Text size="md" c="dimmed">
            {t("password.changeText")}
          </Text>
          <PasswordField
            label={t("password.current")}
            autoComplete="current-password"
            data-autofocus
            value={current}
            error={
              (failed && current === "" && t("signIn.passwordMissing")) ||
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
            onChange={(value) => {
              setNext(value);
              if (change.error) change.reset();
            }}
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
