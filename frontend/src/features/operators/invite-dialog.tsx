import { Button, Group, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { ApiError } from "@/shared/api/api-error";
import { rejectedFields } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Dialog, DialogCancel } from "@/shared/ui/dialog";
import { useHold } from "@/shared/ui/leave-guard";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { useFailures } from "@/shared/ui/use-failures";
import { type IssuedLink, type Role, useInviteOperator } from "./api/operators";
import { RoleChoice } from "./role-choice";

interface InviteDialogProps {
  onClose: () => void;
  onInvited: (issued: IssuedLink) => void;
}

export function InviteDialog({ onClose, onInvited }: InviteDialogProps) {
  const { t } = useTranslation();
  const invite = useInviteOperator();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("editor");
  const { ref, failed, fail } = useFailures();
  const missing = failed && email.trim() === "";
  const rejected = rejectedFields(invite.error, (path) => (path === "email" ? "email" : undefined)).length > 0;
  const taken = invite.error instanceof ApiError && invite.error.code === "operator/email-taken";
  useHold(invite.isPending);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (email.trim() === "") {
      fail();
      return;
    }
    invite.mutate(
      { email: email.trim(), role },
      {
        onSuccess: (issued) => {
          invite.reset();
          onInvited(issued);
        },
        onError: fail,
      },
    );
  }

  return (
    <Dialog onClose={onClose} title={t("operators.inviteTitle")} size="md" busy={invite.isPending}>
      <form ref={ref} onSubmit={submit} noValidate>
        <Stack gap="md">
          <TextInput
            label={t("signIn.email")}
            description={t("operators.inviteText")}
            type="email"
            inputMode="email"
            autoComplete="off"
            data-autofocus
            value={email}
            error={
              (missing && t("signIn.emailMissing")) ||
              (taken && t("problem.operator/email-taken")) ||
              (rejected && t("operators.emailRejected"))
            }
            onChange={(event) => {
              setEmail(event.currentTarget.value);
              if (invite.error) invite.reset();
            }}
          />
          <RoleChoice value={role} onChange={setRole} />
          {invite.error && !rejected && <ProblemAlert error={invite.error} />}
        </Stack>
        <Group justify="flex-end" gap="xs" mt="xl">
          <DialogCancel />
          <Button type="submit" loading={invite.isPending}>
            {t("operators.invite")}
          </Button>
        </Group>
      </form>
    </Dialog>
  );
}
