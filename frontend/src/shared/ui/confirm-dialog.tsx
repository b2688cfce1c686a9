import { Button, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Dialog, DialogCancel } from "./dialog";
import { ProblemAlert } from "./problem-alert";

interface ConfirmDialogProps {
  title: string;
  children: ReactNode;
  confirm: string;
  /** The label of the button that goes back; "Cancel" when absent. */
  cancel?: string;
  pending?: boolean;
  /** Why the service refused. */
  error?: unknown;
  /** Whether everything that works now keeps working. */
  harmless?: boolean;
  /** Whether it opens above another dialog. */
  nested?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/**
 * Asks before something that can't be undone. Mount it only when it is to be shown: an Escape that opens it from another
 * dialog must not reach it too.
 */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, children, confirm, cancel, pending = false, error, onConfirm, onClose } = props;
  const { harmless = false, nested = false } = props;
  return (
    <Dialog onClose={onClose} title={title} size="md" nested={nested} busy={pending}>
      <Text size="md" component="div">
        {children}
      </Text>
      {error !== null && error !== undefined && (
        <Text component="div" mt="md">
          <ProblemAlert error={error} />
        </Text>
      )}
      <Group justify="flex-end" gap="xs" mt="xl">
        <DialogCancel data-autofocus>{cancel}</DialogCancel>
        <Button color={harmless ? undefined : "red"} loading={pending} onClick={onConfirm}>
          {confirm}
        </Button>
      </Group>
    </Dialog>
  );
}
