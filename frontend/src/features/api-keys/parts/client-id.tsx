import { useRef } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { CopyButton } from "@/shared/ui/copy-button";
import classes from "./parts.module.css";

/** The client ID with its copy button. */
export function ClientId({ clientId, keyName }: { clientId: string; keyName: string }) {
  const { t } = useTranslation();
  const target = useRef<HTMLElement>(null);
  return (
    <span className={classes.clientId}>
      <code ref={target} className={classes.clientIdText}>
        {clientId}
      </code>
      <CopyButton
        className={classes.clientIdCopy}
        value={clientId}
        label={t("clientId.copy", { name: keyName })}
        target={target}
      />
    </span>
  );
}
