import { useQuery } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { keyUsageQuery } from "@/features/usage/api/key-usage";
import { usedLately } from "@/features/usage/used-lately";
import { type Format, useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { SecretInfo } from "../api/api-key";

/** While two secrets work, their last use is the evidence for retiring the old one. */
export const EVIDENCE_REFRESH_MS = 15_000;

/**
 * Says, as the end of a sentence, whether something still uses a secret: when and from where it was last used, and how many
 * tokens it obtained in the last 24 hours. `issued` is undefined until that is known.
 */
export function evidenceOf(
  t: TFunction,
  format: Format,
  now: Date,
  secret: SecretInfo,
  issued: number | undefined,
): string {
  if (secret.last_used_at === null) return t("evidence.never");
  const when = format.relative(secret.last_used_at, now);
  const from = secret.last_used_ip;
  if (!usedLately(secret.last_used_at, now)) return t("evidence.idle", { when });
  // Counts are written in batches, so the first use of a day may be known before it is counted.
  if (!issued) return from ? t("evidence.usedFrom", { when, from }) : t("evidence.used", { when });
  return from
    ? t("evidence.countedFrom", { when, from, count: issued })
    : t("evidence.counted", { when, count: issued });
}

/** How many tokens each of a key's secrets obtained in the last 24 hours, by secret id; undefined until known. */
export function useIssuedBySecret(clientId: string, refetchInterval: number | false = false) {
  const { data } = useQuery({ ...keyUsageQuery(clientId, "24h"), refetchInterval });
  return data && new Map(data.secrets.map((secret) => [secret.secret_id, secret.issued_last_24h]));
}

/** The evidence for a key's secrets, as sentences that keep up with the clock. */
export function useEvidence(clientId: string): (secret: SecretInfo) => string {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const issued = useIssuedBySecret(clientId);
  return (secret) => evidenceOf(t, format, now, secret, issued && (issued.get(secret.id) ?? 0));
}
