import { type ReactNode, useState } from "react";
import { useSession } from "@/features/session/session-query";
import { problemMessage } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { useHold } from "@/shared/ui/leave-guard";
import { toaster } from "@/shared/ui/toaster-store";
import { type IssuedLink, type Operator, useResetPassword, useUpdateOperator } from "./api/operators";
import { DeactivateDialog } from "./deactivate-dialog";
import { InviteDialog } from "./invite-dialog";
import { LinkDialog } from "./link-dialog";
import { RemoveDialog } from "./remove-dialog";
import { RoleDialog } from "./role-dialog";
import { SessionsDialog } from "./sessions-dialog";

type Open =
  | { dialog: "invite" }
  | { dialog: "role" | "sessions" | "reset" | "deactivate" | "remove"; operator: Operator }
  | { dialog: "link"; issued: IssuedLink; reason: "invited" | "reset" }
  | null;

type OperatorAction = (operator: Operator) => void;

/** What can be done with operators. */
export interface OperatorActions {
  invite: () => void;
  changeRole: OperatorAction;
  resetPassword: OperatorAction;
  showSessions: OperatorAction;
  deactivate: OperatorAction;
  remove: OperatorAction;
  activate: OperatorAction;
}

interface UseOperatorActions {
  actions: OperatorActions;
  /** The screen that uses the actions must render this once. */
  dialogs: ReactNode;
}

export function useOperatorActions(): UseOperatorActions {
  const { t } = useTranslation();
  const session = useSession();
  // Operators never activate themselves: whoever is signed in is active already.
  const activation = useUpdateOperator(false);
  const reset = useResetPassword();
  const [open, setOpen] = useState<Open>(null);
  useHold(reset.isPending);

  const close = () => setOpen(null);
  const isOwn = (operator: Operator) => operator.id === session.operator.id;

  function show(next: Open) {
    reset.reset();
    setOpen(next);
  }

  const actions: OperatorActions = {
    invite: () => show({ dialog: "invite" }),
    changeRole: (operator) => show({ dialog: "role", operator }),
    resetPassword: (operator) => show({ dialog: "reset", operator }),
    showSessions: (operator) => show({ dialog: "sessions", operator }),
    deactivate: (operator) => show({ dialog: "deactivate", operator }),
    remove: (operator) => show({ dialog: "remove", operator }),
    // Opens no dialog, so it keeps running while other operators are activated or a dialog is open.
    activate: (operator) =>
      void activation.mutateAsync({ operatorId: operator.id, patch: { status: "active" } }).then(
        () => toaster.show({ tone: "success", message: t("operators.activated", { email: operator.email }) }),
        (error) => toaster.show({ tone: "error", message: problemMessage(t, error) }),
      ),
  };

  function dialog(): ReactNode {
    if (!open) return null;
    switch (open.dialog) {
      case "invite":
        return (
          <InviteDialog
            onClose={close}
            onInvited={(issued) => setOpen({ dialog: "link", issued, reason: "invited" })}
          />
        );
      case "link":
        return <LinkDialog issued={open.issued} reason={open.reason} onClose={close} />;
      case "role":
        return <RoleDialog operator={open.operator} own={isOwn(open.operator)} onClose={close} />;
      case "sessions":
        return <SessionsDialog operator={open.operator} own={isOwn(open.operator)} onClose={close} />;
      case "reset": {
        const { operator } = open;
        return (
          <ConfirmDialog
            title={operator.status === "invited" ? t("operators.newLinkTitle") : t("operators.resetTitle")}
            confirm={t("operators.makeLink")}
            pending={reset.isPending}
            error={reset.error}
            // A password keeps working until the reset link is used; an earlier invitation link doesn't.
            harmless={operator.status !== "invited"}
            onClose={close}
            onConfirm={() =>
              reset.mutate(operator.id, {
                onSuccess: (issued) => {
                  reset.reset();
                  setOpen({
                    dialog: "link",
                    issued,
                    reason: operator.status === "invited" ? "invited" : "reset",
                  });
                },
              })
            }
          >
            {operator.status === "invited"
              ? t("operators.newLinkText", { email: operator.email })
              : t("operators.resetText", { email: operator.email })}
          </ConfirmDialog>
        );
      }
      case "deactivate":
        return <DeactivateDialog operator={open.operator} own={isOwn(open.operator)} onClose={close} />;
      case "remove":
        return <RemoveDialog operator={open.operator} own={isOwn(open.operator)} onClose={close} />;
    }
  }

  return { actions, dialogs: dialog() };
}
