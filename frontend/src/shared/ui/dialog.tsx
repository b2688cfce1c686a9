import "@mantine/core/styles/ModalBase.layer.css";
import "@mantine/core/styles/Modal.layer.css";
import { Modal, type ModalProps } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";

interface DialogProps extends Omit<ModalProps, "opened"> {
  /** Above another dialog. */
  nested?: boolean;
  /** It waits for an answer that only it can show, and can't be closed until that is there. */
  busy?: boolean;
}

/**
 * A dialog, open for as long as it is mounted: what it shows is gone from the document once it closes, and an Escape
 * that opens one from another doesn't reach both.
 */
export function Dialog({ nested = false, busy = false, ...props }: DialogProps) {
  const { t } = useTranslation();
  return (
    <Modal
      opened
      closeButtonProps={{ "aria-label": t("action.close"), disabled: busy }}
      {...(nested && { zIndex: 400 })}
      {...props}
      {...(busy && { closeOnEscape: false, closeOnClickOutside: false })}
    />
  );
}
