import { Alert, Button } from "@mantine/core";
import { IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import type { TFunction } from "i18next";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { useAnnouncement } from "@/shared/ui/use-announcement";
import type { EventVerification } from "./api/event";
import classes from "./verify-log.module.css";

/** The names of the locale files' texts about a broken log, by the service's wording of what is wrong. */
const reasons = {
  "is missing": "missing",
  "does not match its hash or does not follow the event before it": "altered",
  "is not the event that was trusted": "untrusted",
  "is not what the log's head says it is": "head",
  "stands after the end of the log": "beyond",
} as const;

function breakText(t: TFunction, reason: string): string {
  const known = Object.entries(reasons).find(([words]) => words === reason);
  return known ? t(`audit.verify.reason.${known[1]}`) : reason;
}

interface VerificationResultProps {
  /** When the verification was asked for. */
  askedAt: number;
  result: EventVerification | undefined;
  error: unknown;
  onRetry: () => void;
  onClose: () => void;
}

/** What a verification of the log found. */
export function VerificationResult({ askedAt, result, error, onRetry, onClose }: VerificationResultProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const intact = result?.verified ? t("audit.verify.intact", { count: result.events }) : undefined;
  useAnnouncement(String(askedAt), intact); // a broken log is an alert, which announces itself
  if (error) return <ProblemAlert error={error} title={t("audit.verify.failed")} onRetry={onRetry} />;
  if (!result) return null;
  const { verified, broken, base, head } = result;
  return (
    <Alert
      role={verified ? "group" : "alert"}
      className={classes.verdict}
      data-verified={verified}
      icon={
        verified ? (
          <IconShieldCheck size={18} stroke={1.8} aria-hidden />
        ) : (
          <IconShieldX size={18} stroke={1.8} aria-hidden />
        )
      }
      title={
        broken
          ? t("audit.verify.broken", { seq: format.number(broken.seq), reason: breakText(t, broken.reason) })
          : intact
      }
      classNames={{ icon: classes.verdictIcon, title: classes.verdictTitle, message: classes.verdictText }}
    >
      {broken && <p>{t("audit.verify.brokenText", { count: result.events })}</p>}
      {verified && <p>{t("audit.verify.intactText")}</p>}
      {base && (
        <p>{t("audit.verify.pruned", { seq: format.number(base.seq), when: format.dateTime(base.pruned_at) })}</p>
      )}
      <p>
        {t("audit.verify.head", { seq: format.number(head.seq) })} <code>{head.hash}</code>
      </p>
      <Button variant="default" size="compact-sm" mt={6} onClick={onClose}>
        {t("action.close")}
      </Button>
    </Alert>
  );
}
