import type { ReactNode } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { LastUsed } from "@/shared/ui/last-used";
import { DateOf } from "@/shared/ui/relative-time";
import type { ApiKey } from "../api/api-key";
import { ClientId } from "../parts/client-id";
import { formatLifespan } from "../parts/lifespan";
import { formatRateLimit } from "../parts/rate-limit";
import classes from "./detail.module.css";

function Fact({ label, wide = false, children }: { label: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={classes.fact} data-wide={wide}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function KeyFacts({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useTranslation();
  return (
    <Card>
      <dl className={classes.facts}>
        <Fact label={t("key.clientId")} wide>
          <ClientId clientId={apiKey.client_id} keyName={apiKey.name} />
        </Fact>
        <Fact label={t("key.lifespan")}>{formatLifespan(t, apiKey.token_lifespan)}</Fact>
        <Fact label={t("key.rateLimit")}>{formatRateLimit(t, apiKey.rate_limit)}</Fact>
        <Fact label={t("key.lastUsed")}>
          <LastUsed at={apiKey.last_used_at} />
        </Fact>
        <Fact label={t("key.created")}>
          <DateOf at={apiKey.created_at} />
          <span className={classes.by}>{t("key.by", { who: apiKey.created_by })}</span>
        </Fact>
        <Fact label={t("key.updated")}>
          <DateOf at={apiKey.updated_at} />
        </Fact>
      </dl>
    </Card>
  );
}
