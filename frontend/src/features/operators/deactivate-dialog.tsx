import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { type Operator, useUpdateOperator } from "./api/operators";
import { useAccessEnded } from "./use-access-ended";

interface DeactivateDialogProps {
  operator: Operator;
  /** Whether the signed-in operator is deactivating their own account, which also signs them out here. */
  own: boolean;
  onClose: () => void;
}

export function DeactivateDialog({ operator, own, onClose }: DeactivateDialogProps) {
  const { t } = useTranslation();
  const update = useUpdateOperator(own);
  const ended = useAccessEnded(own, onClose);
  return (
    <ConfirmDialog
      title={t("operators.deactivateTitle")}
      confirm={t("action.deactivate")}
      pending={update.isPending}
      error={update.error}
      onClose={onClose}
      onConfirm={() =>
        update.mutate(
          { operatorId: operator.id, patch: { status: "deactivated" } },
          {
            onSuccess: () => ended(t("operators.deactivated", { email: operator.email })),
          },
        )
      }
    >
      {t("operators.deactivateText", { email: operator.email })} {own && t("operators.endsOwn")}
    </ConfirmDialog>
  );
}
