import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { useSetOwnRole } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Dialog, DialogCancel } from "@/shared/ui/dialog";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { toaster } from "@/shared/ui/toaster-store";
import { type Operator, useUpdateOperator } from "./api/operators";
import classes from "./operators.module.css";
import { RoleChoice } from "./role-choice";

interface RoleDialogProps {
  operator: Operator;
  /** Whether the signed-in operator is changing their own role, and so losing access to this page. */
  own: boolean;
  onClose: () => void;
}

export function RoleDialog({ operator, own, onClose }: RoleDialogProps) {
  const { t } = useTranslation();
  const update = useUpdateOperator(own);
  const setOwnRole = useSetOwnRole();
  const [role, setRole] = useState(operator.role);
  return (
    <Dialog
      onClose={onClose}
      title={t("operators.roleTitle", { email: operator.email })}
      size="md"
      busy={update.isPending}
    >
      <RoleChoice
        value={role}
        onChange={(chosen) => {
          setRole(chosen);
          if (update.error) update.reset();
        }}
        data-autofocus
      />
      {operator.sign_in_method === "oidc" && (
        <Text size="sm" c="dimmed" mt="sm">
          {t("operators.roleByProvider")}
        </Text>
      )}
      {update.error && (
        <div className={classes.problem}>
          <ProblemAlert error={update.error} />
        </div>
      )}
      <Group justify="flex-end" gap="xs" mt="xl">
        <DialogCancel />
        <Button
          disabled={role === operator.role}
          loading={update.isPending}
          onClick={() =>
            update.mutate(
              { operatorId: operator.id, patch: { role } },
              {
                onSuccess: (changed) => {
                  toaster.show({
                    tone: "success",
                    message: t("operators.roleChanged", { email: operator.email, role: t(`operator.role.${role}`) }),
                  });
                  onClose();
                  if (own) setOwnRole(changed.role);
                },
              },
            )
          }
        >
          {t("action.save")}
        </Button>
      </Group>
    </Dialog>
  );
}
