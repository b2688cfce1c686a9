import { IconCircleCheck, IconClock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useCanWrite } from "@/features/session/session-query";
import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { LastUsed } from "@/shared/ui/last-used";
import { DateOf } from "@/shared/ui/relative-time";
import { type ApiKey, oldSecret, type SecretInfo } from "../api/api-key";
import { EVIDENCE_REFRESH_MS, useIssuedBySecret } from "../parts/evidence";
import classes from "./detail.module.css";
import { GraceControls } from "./grace-controls";

interface SecretLineProps {
  secret: SecretInfo;
  /** Tokens that this secret obtained in the last 24 hours; undefined until known. */
  issued: number | undefined;
  children?: ReactNode;
}

function SecretLine({ secret, issued, children }: SecretLineProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  return (
    <li className={classes.secret}>
      <div className={classes.secretTitle}>
        <code>
          <span aria-hidden>••••••</span>
          {secret.last_four}
        </code>
        {secret.expires_at ? (
          <span className={classes.secretState} data-old>
            <IconClock size={14} stroke={2} aria-hidden />
            {t("secrets.ends", { when: format.relative(secret.expires_at, now) })}
          </span>
        ) : (
          <span className={classes.secretState}>
            <IconCircleCheck size={14} stroke={2} aria-hidden />
            {t("secrets.current")}
          </span>
        )}
      </div>
      <dl className={classes.secretFacts}>
        <div>
          <dt>{t("key.lastUsed")}</dt>
          <dd>
            <LastUsed at={secret.last_used_at} />
            {secret.last_used_ip && (
              <>
                {" "}
                {t("secrets.from")} <code>{secret.last_used_ip}</code>
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>{t("secrets.lastDay")}</dt>
          <dd>{issued === undefined ? "–" : t("usage.tokens", { count: issued })}</dd>
        </div>
        <div>
          <dt>{t("key.created")}</dt>
          <dd>
            <DateOf at={secret.created_at} />
          </dd>
        </div>
        {secret.expires_at && (
          <div>
            <dt>{t("secrets.validUntil")}</dt>
            <dd>
              <time dateTime={secret.expires_at}>{format.dateTime(secret.expires_at)}</time>
            </dd>
          </div>
        )}
      </dl>
      {children}
    </li>
  );
}

/** The secrets that work, with the evidence for who still uses which. */
export function KeySecrets({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useTranslation();
  const canWrite = useCanWrite();
  const rotating = oldSecret(apiKey) !== undefined;
  const issued = useIssuedBySecret(apiKey.client_id, rotating && EVIDENCE_REFRESH_MS);
  return (
    <Card flush title={t("secrets.title")} description={rotating ? t("secrets.two") : t("secrets.one")}>
      <ul className={classes.secrets}>
        {apiKey.secrets.map((secret) => (
          <SecretLine key={secret.id} secret={secret} issued={issued && (issued.get(secret.id) ?? 0)}>
            {canWrite && secret.expires_at && <GraceControls apiKey={apiKey} old={secret} />}
          </SecretLine>
        ))}
      </ul>
    </Card>
  );
}
