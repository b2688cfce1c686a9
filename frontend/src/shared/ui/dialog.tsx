import "@mantine/core/styles/ModalBase.layer.css";
import "@mantine/core/styles/Modal.layer.css";
import { Button, type ButtonProps, Modal, type ModalProps } from "@mantine/core";
import { createContext, type ReactNode, useContext, useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { HeldEscape } from "./held-escape";
import { useInterrupted } from "./use-interrupted";

interface DialogProps extends Omit<ModalProps, "opened"> {
  /** Whether it opens above another dialog. */
  nested?: boolean;
  /** Whether it waits for an answer that only it can show; until then it can't be closed. */
  busy?: boolean;
  /** Whether the operator must answer it before doing anything else. */
  interrupting?: boolean;
}

const OpenDialog = createContext({ busy: false, onClose: () => {} });

/**
 * A dialog that is open for as long as it is mounted: closing it removes its content from the document, and an Escape that
 * opens one dialog from another doesn't reach both. While the operator has to sign in again over the page, an open dialog
 * stays as it is, and a new one waits, because it would take the focus from underneath.
 */
export function Dialog({ nested = false, busy = false, interrupting = false, children, ...props }: DialogProps) {
  const { t } = useTranslation();
  const [held, setHeld] = useState(0);
  const interrupted = useInterrupted() && !interrupting;
  const [waiting, setWaiting] = useState(interrupted);
  if (waiting && !interrupted) setWaiting(false);
  if (waiting) return null;
  return (
    <Modal
      opened
      closeButtonProps={{ "aria-label": t("action.close"), disabled: busy }}
      {...(nested && { zIndex: 400 })}
      {...props}
      {...((busy || interrupted || held > 0) && { closeOnEscape: false })}
      {...(busy && { closeOnClickOutside: false })}
    >
      <OpenDialog.Provider value={{ busy, onClose: props.onClose }}>
        <HeldEscape.Provider value={setHeld}>{children}</HeldEscape.Provider>
      </OpenDialog.Provider>
    </Modal>
  );
}

interface DialogCancelProps extends ButtonProps {
  /** "Cancel" when absent. */
  children?: ReactNode;
  "data-autofocus"?: boolean;
}

/** The button that leaves its dialog without doing anything; disabled while the dialog is busy. */
export function DialogCancel({ children, ...props }: DialogCancelProps) {
  const { t } = useTranslation();
  const { busy, onClose } = useContext(OpenDialog);
  return (
    <Button variant="default" disabled={busy} onClick={onClose} {...props}>
      {children ?? t("action.cancel")}
    </Button>
  );
}
