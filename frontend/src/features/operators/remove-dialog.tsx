import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { type Operator, useDeleteOperator } from "./api/operators";
import { useAccessEnded } from "./use-access-ended";

interface RemoveDialogProps {
  operator: Operator;
  /** Whether the signed-in operator is removing their own account, which also signs them out here. */
  own: boolean;
  onClose: () => void;
}

export function RemoveDialog({ operator, own, onClose }: RemoveDialogProps) {
  const { t } = useTranslation();
  const remove = useDeleteOperator(own);
  const ended = useAccessEnded(own, onClose);
  return (
    <ConfirmDialog
      title={t("operators.removeTitle")}
      confirm={t("operators.remove")}
      pending={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(operator.id, {
          onSuccess: () => ended(t("operators.removed", { email: operator.email })),
        })
      }
    >
      {t("operators.removeText", { email: operator.email })} {own && t("operators.endsOwn")}
    </ConfirmDialog>
  );
}
