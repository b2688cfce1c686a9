import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/Checkbox.layer.css";
import { Button, Checkbox, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/shared/i18n/use-format";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { CopyButton } from "@/shared/ui/copy-button";
import { Dialog } from "@/shared/ui/dialog";
import { useLeaveBlocker } from "@/shared/ui/leave-guard";
import type { IssuedLink } from "./api/operators";
import { invitationLink } from "./invitation-link";
import classes from "./operators.module.css";

interface LinkDialogProps {
  issued: IssuedLink;
  reason: "invited" | "reset";
  onClose: () => void;
}

/** Shows a one-time link, this once. Every way out asks first, unless it was copied or the operator says that it is sent. */
export function LinkDialog({ issued, reason, onClose }: LinkDialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const target = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);
  const [ticked, setTicked] = useState(false);
  const [asking, setAsking] = useState(false);
  const kept = copied || ticked;
  const blocker = useLeaveBlocker(!kept);
  const confirming = asking || blocker.blocked;
  const link = invitationLink(issued.token);

  function requestClose() {
    if (kept) onClose();
    else setAsking(true);
  }

  function stay() {
    setAsking(false);
    if (blocker.blocked) blocker.stay();
  }

  return (
    <>
      <Dialog
        onClose={requestClose}
        closeOnEscape={!confirming}
        returnFocus={false}
        size="lg"
        title={reason === "invited" ? t("link.invitedTitle") : t("link.resetTitle")}
      >
        <Text size="md">
          {reason === "invited" ? t("link.invited", { email: issued.email }) : t("link.reset", { email: issued.email })}
        </Text>
        <div className={classes.once}>
          <IconAlertTriangle size={17} stroke={1.8} aria-hidden />
          <span>
            {t("link.once")}
            {issued.expiresAt && <> {t("link.until", { when: format.dateTime(issued.expiresAt) })}</>}
          </span>
        </div>
        <div className={classes.link}>
          <code ref={target}>{link}</code>
          <CopyButton
            appearance="button"
            primary
            value={link}
            label={t("link.copy")}
            target={target}
            onCopied={() => setCopied(true)}
          />
        </div>
        <Group justify="space-between" gap="md" mt="xl">
          <Checkbox
            size="sm"
            label={t("link.stored")}
            checked={ticked}
            onChange={(event) => setTicked(event.currentTarget.checked)}
          />
          <Button variant={kept ? "filled" : "default"} onClick={requestClose}>
            {t("action.close")}
          </Button>
        </Group>
      </Dialog>
      {confirming && (
        <ConfirmDialog
          nested
          title={t("link.askTitle")}
          cancel={t("secret.askBack")}
          confirm={t("secret.askClose")}
          onConfirm={blocker.blocked ? blocker.leave : onClose}
          onClose={stay}
        >
          {t("link.askMessage")}
        </ConfirmDialog>
      )}
    </>
  );
}
