import { Text } from "@mantine/core";
import { useRef, useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { CopyButton } from "@/shared/ui/copy-button";
import { OnceDialog } from "@/shared/ui/once-dialog";
import { WarningNote } from "@/shared/ui/warning-note";
import type { IssuedSecret } from "../api/api-key";
import classes from "./secret.module.css";
import { SnippetTabs } from "./snippet-tabs";

interface SecretDialogProps {
  issued: IssuedSecret;
  reason: "created" | "rotated";
  onClose: () => void;
  /** See [OnceDialog]. */
  onLeave?: () => void;
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
        data-autofocus={primary || undefined}
        value={value}
        label={copyLabel}
        target={target}
        onCopied={onCopied}
      />
    </div>
  );
}

/**
 * Shows a client secret, the only time it is shown. The secret exists only in `issued`, in the state of the component that
 * renders this dialog, and is gone with it.
 */
export default function SecretDialog({ issued, reason, onClose, onLeave }: SecretDialogProps) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  return (
    <OnceDialog
      title={reason === "created" ? t("secret.createdTitle") : t("secret.rotatedTitle")}
      size={660}
      copied={copied}
      storedLabel={t("secret.stored")}
      ask={{ title: t("secret.askTitle"), message: t("secret.askMessage") }}
      onClose={onClose}
      onLeave={onLeave}
    >
      <Text size="md" c="dimmed">
        {issued.name}
      </Text>
      <WarningNote>{t("secret.once")}</WarningNote>
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
    </OnceDialog>
  );
}
