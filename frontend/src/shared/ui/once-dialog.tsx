import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/Checkbox.layer.css";
import { Button, Checkbox, Group } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "./confirm-dialog";
import { Dialog } from "./dialog";
import { useLeaveBlocker } from "./leave-guard";

interface OnceDialogProps {
  title: string;
  size: number | string;
  /** Whether the content was copied; the dialog may then be closed without asking. */
  copied: boolean;
  /** The label of the checkbox for operators who have stored the content in another way. */
  storedLabel: string;
  /** The question asked before the content is lost. */
  ask: { title: string; message: string };
  onClose: () => void;
  /** Called after the operator has left for another page. Required where the component that renders this may outlive that. */
  onLeave?: (() => void) | undefined;
  children: ReactNode;
}

/**
 * Shows what will never be shown again. Every way out asks first, unless the content was copied or the operator
 * confirms having stored it.
 */
export function OnceDialog({ title, size, copied, storedLabel, ask, onClose, onLeave, children }: OnceDialogProps) {
  const { t } = useTranslation();
  const [ticked, setTicked] = useState(false);
  const [asking, setAsking] = useState(false);
  const kept = copied || ticked;
  const blocker = useLeaveBlocker(!kept);
  const confirming = asking || blocker.blocked;

  function requestClose() {
    if (kept) onClose();
    else setAsking(true);
  }

  function lose() {
    if (!blocker.blocked) {
      onClose();
      return;
    }
    blocker.leave();
    onLeave?.();
  }

  function stay() {
    setAsking(false);
    if (blocker.blocked) blocker.stay();
  }

  return (
    <>
      <Dialog onClose={requestClose} closeOnEscape={!confirming} size={size} title={title}>
        {children}
        <Group gap="md" mt="xl">
          <Checkbox
            size="sm"
            label={storedLabel}
            checked={ticked}
            onChange={(event) => setTicked(event.currentTarget.checked)}
          />
          <Button ml="auto" variant={kept ? "filled" : "default"} onClick={requestClose}>
            {t("action.close")}
          </Button>
        </Group>
      </Dialog>
      {confirming && (
        <ConfirmDialog
          nested
          title={ask.title}
          cancel={t("once.askBack")}
          confirm={t("once.askClose")}
          onConfirm={lose}
          onClose={stay}
        >
          {ask.message}
        </ConfirmDialog>
      )}
    </>
  );
}
