import { type ReactNode, useState } from "react";
import { useSession } from "@/features/session/session-query";
import { problemMessage } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { toaster } from "@/shared/ui/toaster-store";
import { type IssuedLink, type Operator, useActivateOperator } from "./api/operators";
import { DeactivateDialog } from "./deactivate-dialog";
import { InviteDialog } from "./invite-dialog";
import { LinkDialog } from "./link-dialog";
import { RemoveDialog } from "./remove-dialog";
import { ResetDialog } from "./reset-dialog";
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
  const activation = useActivateOperator({
    onSuccess: ({ email }) => toaster.show({ tone: "success", message: t("operators.activated", { email }) }),
    onError: (error) => toaster.show({ tone: "error", message: problemMessage(t, error) }),
  });
  const [open, setOpen] = useState<Open>(null);

  const close = () => setOpen(null);
  const isOwn = (operator: Operator) => operator.id === session.operator.id;

  const actions: OperatorActions = {
    invite: () => setOpen({ dialog: "invite" }),
    changeRole: (operator) => setOpen({ dialog: "role", operator }),
    resetPassword: (operator) => setOpen({ dialog: "reset", operator }),
    showSessions: (operator) => setOpen({ dialog: "sessions", operator }),
    deactivate: (operator) => setOpen({ dialog: "deactivate", operator }),
    remove: (operator) => setOpen({ dialog: "remove", operator }),
    activate: (operator) => activation.mutate(operator.id),
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
        return <LinkDialog issued={open.issued} reason={open.reason} onClose={close} onLeave={close} />;
      case "role":
        return <RoleDialog operator={open.operator} own={isOwn(open.operator)} onClose={close} />;
      case "sessions":
        return <SessionsDialog operator={open.operator} own={isOwn(open.operator)} onClose={close} />;
      case "reset": {
        const reason = open.operator.status === "invited" ? "invited" : "reset";
        return (
          <ResetDialog
            operator={open.operator}
            onClose={close}
            onIssued={(issued) => setOpen({ dialog: "link", issued, reason })}
          />
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
