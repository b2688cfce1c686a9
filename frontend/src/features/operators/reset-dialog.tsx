import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { useHold } from "@/shared/ui/leave-guard";
import { type IssuedLink, type Operator, useResetPassword } from "./api/operators";

interface ResetDialogProps {
  operator: Operator;
  onClose: () => void;
  onIssued: (issued: IssuedLink) => void;
}

/** Asks before a new one-time link is made: for a password that is to be reset, or for an invitation. */
export function ResetDialog({ operator, onClose, onIssued }: ResetDialogProps) {
  const { t } = useTranslation();
  const reset = useResetPassword();
  const invited = operator.status === "invited";
  useHold(reset.isPending);
  return (
    <ConfirmDialog
      title={invited ? t("operators.newLinkTitle") : t("operators.resetTitle")}
      confirm={t("operators.makeLink")}
      pending={reset.isPending}
      error={reset.error}
      // A password keeps working until the reset link is used; an earlier invitation link doesn't.
      harmless={!invited}
      onClose={onClose}
      onConfirm={() =>
        reset.mutate(operator.id, {
          onSuccess: (issued) => {
            reset.reset();
            onIssued(issued);
          },
        })
      }
    >
      {invited
        ? t("operators.newLinkText", { email: operator.email })
        : t("operators.resetText", { email: operator.email })}
    </ConfirmDialog>
  );
}
