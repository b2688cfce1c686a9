import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/Checkbox.layer.css";
import { Button, Checkbox, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { CopyButton } from "@/shared/ui/copy-button";
import { Dialog } from "@/shared/ui/dialog";
import { useLeaveBlocker } from "@/shared/ui/leave-guard";
import type { IssuedSecret } from "../api/api-key";
import classes from "./secret.module.css";
import { SnippetTabs } from "./snippet-tabs";

interface SecretDialogProps {
  issued: IssuedSecret;
  reason: "created" | "rotated";
  onClose: () => void;
}

interface ValueProps {
  label: string;
  copyLabel: string;
  value: string;
  primary?: boolean;
  onCopied?: () => void;
}

function Value({ label, copyLabel, value, primary = false, onCopied }: ValueProps) {
  const target = useRef<HTMLElement>(null);
  return (
    <div className={classes.value} data-primary={primary}>
      <div className={classes.valueText}>
        <div className={classes.valueLabel}>{label}</div>
        <code ref={target} className={classes.valueCode}>
          {value}
        </code>
      </div>
      <CopyButton
        appearance="button"
        primary={primary}
        value={value}
        label={copyLabel}
        target={target}
        onCopied={onCopied}
      />
    </div>
  );
}

/**
 * Shows a client secret, this once. The secret lives in `issued` alone, that is in the state of whoever renders this,
 * and goes with it. Every way out asks first, unless the secret was copied or the operator says that it is stored.
 */
export default function SecretDialog({ issued, reason, onClose }: SecretDialogProps) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const [ticked, setTicked] = useState(false);
  const [asking, setAsking] = useState(false);
  const stored = copied || ticked;
  const blocker = useLeaveBlocker(!stored);
  const confirming = asking || blocker.blocked;

  function requestClose() {
    if (stored) onClose();
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
        size={660}
        title={reason === "created" ? t("secret.createdTitle") : t("secret.rotatedTitle")}
      >
        <Text size="md" c="dimmed">
          {issued.name}
        </Text>
        <div className={classes.once}>
          <IconAlertTriangle size={17} stroke={1.8} aria-hidden />
          <span>{t("secret.once")}</span>
        </div>
        <div className={classes.values}>
          <Value label={t("key.clientId")} copyLabel={t("secret.copyId")} value={issued.clientId} />
          <Value
            primary
            label={t("key.clientSecret")}
            copyLabel={t("secret.copySecret")}
            value={issued.clientSecret}
            onCopied={() => setCopied(true)}
          />
        </div>
        <SnippetTabs
          clientId={issued.clientId}
          clientSecret={issued.clientSecret}
          onSecretCopied={() => setCopied(true)}
        />
        <Group justify="space-between" gap="md" mt="xl">
          <Checkbox
            size="sm"
            label={t("secret.stored")}
            checked={ticked}
            onChange={(event) => setTicked(event.currentTarget.checked)}
          />
          <Button variant={stored ? "filled" : "default"} onClick={requestClose}>
            {t("action.close")}
          </Button>
        </Group>
      </Dialog>
      {confirming && (
        <ConfirmDialog
          nested
          title={t("secret.askTitle")}
          cancel={t("secret.askBack")}
          confirm={t("secret.askClose")}
          onConfirm={blocker.blocked ? blocker.leave : onClose}
          onClose={stay}
        >
          {t("secret.askMessage")}
        </ConfirmDialog>
      )}
    </>
  );
}
