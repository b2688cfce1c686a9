import { useSignOut } from "@/features/session/sign-out";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { toaster } from "@/shared/ui/toaster-store";
import { type Operator, useDeleteOperator } from "./api/operators";

interface RemoveDialogProps {
  operator: Operator;
  /** Whether operators remove themselves, which signs out here, too. */
  own: boolean;
  onClose: () => void;
}

export function RemoveDialog({ operator, own, onClose }: RemoveDialogProps) {
  const { t } = useTranslation();
  const remove = useDeleteOperator(own);
  const signOut = useSignOut();
  return (
    <ConfirmDialog
      title={t("operators.removeTitle")}
      confirm={t("operators.remove")}
      pending={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(operator.id, {
          onSuccess: () => {
            if (own) {
              signOut();
              return;
            }
            toaster.show({ tone: "success", message: t("operators.removed", { email: operator.email }) });
            onClose();
          },
        })
      }
    >
      {t("operators.removeText", { email: operator.email })} {own && t("operators.endsOwn")}
    </ConfirmDialog>
  );
}
