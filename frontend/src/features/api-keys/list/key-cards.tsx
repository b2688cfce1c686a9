import { memo, useRef } from "react";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { CopyButton } from "@/shared/ui/copy-button";
import { KeyLink } from "@/shared/ui/key-link";
import { LastUsed } from "@/shared/ui/last-used";
import type { KeyActions } from "../actions/key-actions";
import { KeyMenu } from "../actions/key-menu";
import type { ApiKey } from "../api/api-key";
import { formatLifespan } from "../parts/lifespan";
import { ScopeChips } from "../parts/scope-chips";
import { StatusBadge } from "../parts/status-badge";
import classes from "./list.module.css";
import { RotationNote } from "./rotation-note";

/** A key in the list where a table doesn't fit: a card with the same facts and actions as a row. */
export const KeyCard = memo(function KeyCard({ apiKey, actions }: { apiKey: ApiKey; actions: KeyActions }) {
  const { t } = useTranslation();
  const format = useFormat();
  const clientIdRef = useRef<HTMLElement>(null);
  return (
    <li className={classes.card}>
      <div className={classes.cardHead}>
        <div className={classes.cardTitle}>
          <KeyLink clientId={apiKey.client_id} name={apiKey.name} />
          <span className={classes.clientId}>
            <code ref={clientIdRef}>{apiKey.client_id}</code>
            <CopyButton
              value={apiKey.client_id}
              label={t("clientId.copy", { name: apiKey.name })}
              target={clientIdRef}
            />
          </span>
        </div>
        <KeyMenu apiKey={apiKey} actions={actions} clientIdRef={clientIdRef} />
      </div>
      <ScopeChips scopes={apiKey.scopes} />
      <dl className={classes.cardFacts}>
        <div>
          <dt>{t("key.status")}</dt>
          <dd>
            <StatusBadge status={apiKey.status} />
            <RotationNote apiKey={apiKey} />
          </dd>
        </div>
        <div>
          <dt>{t("key.lifespan")}</dt>
          <dd>{formatLifespan(t, apiKey.token_lifespan)}</dd>
        </div>
        <div>
          <dt>{t("key.lastUsed")}</dt>
          <dd>
            <LastUsed at={apiKey.last_used_at} />
          </dd>
        </div>
        <div>
          <dt>{t("key.created")}</dt>
          <dd>
            <time dateTime={apiKey.created_at}>{format.date(apiKey.created_at)}</time>
          </dd>
        </div>
      </dl>
    </li>
  );
});
