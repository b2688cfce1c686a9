import { Text } from "@mantine/core";
import { useRef, useState } from "react";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { CopyButton } from "@/shared/ui/copy-button";
import { OnceDialog } from "@/shared/ui/once-dialog";
import { WarningNote } from "@/shared/ui/warning-note";
import type { IssuedLink } from "./api/operators";
import { invitationLink } from "./invitation-link";
import classes from "./operators.module.css";

interface LinkDialogProps {
  issued: IssuedLink;
  reason: "invited" | "reset";
  onClose: () => void;
  /** See [OnceDialog]. */
  onLeave?: () => void;
}

/** Shows a one-time link, the only time it is shown. */
export function LinkDialog({ issued, reason, onClose, onLeave }: LinkDialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const target = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);
  const link = invitationLink(issued.token);
  return (
    <OnceDialog
      title={reason === "invited" ? t("link.invitedTitle") : t("link.resetTitle")}
      size="lg"
      copied={copied}
      storedLabel={t("link.stored")}
      ask={{ title: t("link.askTitle"), message: t("link.askMessage") }}
      onClose={onClose}
      onLeave={onLeave}
    >
      <Text size="md">
        {reason === "invited" ? t("link.invited", { email: issued.email }) : t("link.reset", { email: issued.email })}
      </Text>
      <WarningNote>
        {t("link.once")}
        {issued.expiresAt && <> {t("link.until", { when: format.dateTime(issued.expiresAt) })}</>}
      </WarningNote>
      <div className={classes.link}>
        <code ref={target}>{link}</code>
        <CopyButton
          appearance="button"
          primary
          data-autofocus
          value={link}
          label={t("link.copy")}
          target={target}
          onCopied={() => setCopied(true)}
        />
      </div>
    </OnceDialog>
  );
}
