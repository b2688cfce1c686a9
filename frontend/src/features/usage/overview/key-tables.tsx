import type { ReactNode } from "react";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import table from "@/shared/ui/data-table.module.css";
import { KeyLink } from "@/shared/ui/key-link";
import { LastUsed } from "@/shared/ui/last-used";
import { DateOf, RelativeTime } from "@/shared/ui/relative-time";
import type { ExpiringSecret, KeyUsageSummary } from "../api/usage-overview";
import { usedLately } from "../used-lately";
import classes from "./overview.module.css";

interface KeyCellProps {
  clientId: string;
  name: string;
  /** What a phone has no columns for. */
  children: ReactNode;
}

function KeyCell({ clientId, name, children }: KeyCellProps) {
  return (
    <th scope="row">
      <KeyLink clientId={clientId} name={name} />
      <code className={classes.clientId}>{clientId}</code>
      <span className={classes.narrow}>{children}</span>
    </th>
  );
}

function LastFour({ digits }: { digits: string }) {
  return (
    <code className={classes.secret}>
      <span aria-hidden>••••</span>
      {digits}
    </code>
  );
}

/** The most used keys; a bar compares each with the first. */
export function TopTable({ keys }: { keys: KeyUsageSummary[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const most = Math.max(1, ...keys.map((key) => key.issued));
  return (
    <table className={table.table} aria-label={t("usage.top.title")}>
      <thead>
        <tr>
          <th scope="col">{t("key.name")}</th>
          <th scope="col" className={classes.number}>
            {t("usage.issued")}
          </th>
          <th scope="col" className={`${classes.number} ${classes.extra}`}>
            {t("usage.denied")}
          </th>
          <th scope="col" className={`${classes.timeCell} ${classes.extra}`}>
            {t("key.lastUsed")}
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.client_id}>
            <KeyCell clientId={key.client_id} name={key.name}>
              <span>
                {t("key.lastUsed")} <LastUsed at={key.last_used_at} />
              </span>
              {key.denied > 0 && <span>{t("usage.deniedCount", { count: key.denied })}</span>}
            </KeyCell>
            <td className={classes.number}>
              <span className={classes.counted}>
                <svg className={classes.bar} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(key.issued / most) * 100} height="6" rx="1.5" />
                </svg>
                {format.number(key.issued)}
              </span>
            </td>
            <td className={`${classes.number} ${classes.extra}`}>{format.number(key.denied)}</td>
            <td className={`${classes.timeCell} ${classes.extra}`}>
              <LastUsed at={key.last_used_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Active keys that apparently nothing needs any more. */
export function UnusedTable({ keys }: { keys: KeyUsageSummary[] }) {
  const { t } = useTranslation();
  return (
    <table className={table.table} aria-label={t("usage.unused.title")}>
      <thead>
        <tr>
          <th scope="col">{t("key.name")}</th>
          <th scope="col" className={classes.timeCell}>
            {t("key.lastUsed")}
          </th>
          <th scope="col" className={`${classes.timeCell} ${classes.extra}`}>
            {t("key.created")}
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.client_id}>
            <KeyCell clientId={key.client_id} name={key.name}>
              <span>
                {t("key.created")} <DateOf at={key.created_at} />
              </span>
            </KeyCell>
            <td className={classes.timeCell}>
              <LastUsed at={key.last_used_at} />
            </td>
            <td className={`${classes.timeCell} ${classes.extra}`}>
              <DateOf at={key.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Old secrets in their grace period, those that end first at the top; secrets still in use stand out. */
export function ExpiringTable({ secrets, now }: { secrets: ExpiringSecret[]; now: Date }) {
  const { t } = useTranslation();
  return (
    <table className={table.table} aria-label={t("usage.expiring.title")}>
      <thead>
        <tr>
          <th scope="col">{t("key.name")}</th>
          <th scope="col" className={`${classes.timeCell} ${classes.extra}`}>
            {t("usage.expiring.secret")}
          </th>
          <th scope="col" className={`${classes.timeCell} ${classes.extra}`}>
            {t("usage.expiring.oldUsed")}
          </th>
          <th scope="col" className={classes.timeCell}>
            {t("usage.expiring.ends")}
          </th>
        </tr>
      </thead>
      <tbody>
        {secrets.map((secret) => (
          <tr key={secret.secret_id}>
            <KeyCell clientId={secret.client_id} name={secret.name}>
              <LastFour digits={secret.last_four} />
              <span className={classes.time} data-warn={usedLately(secret.last_used_at, now)}>
                {t("key.lastUsed")} <LastUsed at={secret.last_used_at} />
              </span>
            </KeyCell>
            <td className={`${classes.timeCell} ${classes.extra}`}>
              <LastFour digits={secret.last_four} />
            </td>
            <td
              className={`${classes.timeCell} ${classes.time} ${classes.extra}`}
              data-warn={usedLately(secret.last_used_at, now)}
            >
              <LastUsed at={secret.last_used_at} />
            </td>
            <td className={classes.timeCell}>
              <RelativeTime at={secret.expires_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
