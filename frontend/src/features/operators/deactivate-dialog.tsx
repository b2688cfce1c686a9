import { useSignOut } from "@/features/session/sign-out";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { toaster } from "@/shared/ui/toaster-store";
import { type Operator, useUpdateOperator } from "./api/operators";

interface DeactivateDialogProps {
  operator: Operator;
  /** Whether operators deactivate themselves, which signs out here, too. */
  own: boolean;
  onClose: () => void;
}

export function DeactivateDialog({ operator, own, onClose }: DeactivateDialogProps) {
  const { t } = useTranslation();
  const update = useUpdateOperator(own);
  const signOut = useSignOut();
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
            onSuccess: () => {
              if (own) {
                signOut();
                return;
              }
              toaster.show({ tone: "success", message: t("operators.deactivated", { email: operator.email }) });
              onClose();
            },
          },
        )
      }
    >
      {t("operators.deactivateText", { email: operator.email })} {own && t("operators.endsOwn")}
    </ConfirmDialog>
  );
}
