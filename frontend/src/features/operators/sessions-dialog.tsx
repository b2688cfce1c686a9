import { Button, Group, Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Dialog, DialogCancel } from "@/shared/ui/dialog";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { RelativeTime } from "@/shared/ui/relative-time";
import { type Operator, sessionsQuery, useEndSessions } from "./api/operators";
import classes from "./operators.module.css";
import { programName } from "./program-name";
import { useAccessEnded } from "./use-access-ended";

interface SessionsDialogProps {
  operator: Operator;
  /** Whether these are the signed-in operator's own sessions: ending them also signs out here. */
  own: boolean;
  onClose: () => void;
}

/** Where an operator is signed in, with a button that ends all of these sessions. */
export function SessionsDialog({ operator, own, onClose }: SessionsDialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { data, error, isFetching, refetch } = useQuery(sessionsQuery(operator.id));
  const end = useEndSessions(own);
  const ended = useAccessEnded(own, onClose);
  return (
    <Dialog
      onClose={onClose}
      title={t("operators.sessionsTitle", { email: operator.email })}
      size="lg"
      busy={end.isPending}
    >
      {error && (
        <ProblemAlert
          error={error}
          title={t("operators.sessionsFailed")}
          onRetry={() => void refetch()}
          retrying={isFetching}
        />
      )}
      {!data && !error && <Skeleton height={120} aria-hidden />}
      {data?.length === 0 && <Text c="dimmed">{t("operators.noSessions")}</Text>}
      {data && data.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <ul className={classes.sessions} tabIndex={0} aria-label={t("operators.sessions")}>
          {data.map((session) => (
            <li key={`${session.started_at} ${session.ip} ${session.user_agent}`}>
              <div className={classes.sessionHead}>
                <code>{session.ip || "–"}</code>
                {session.current && <span className={classes.current}>{t("operators.thisSession")}</span>}
                <span className={classes.seen}>
                  {t("operators.seen")} <RelativeTime at={session.last_seen_at} />
                </span>
              </div>
              <div className={classes.agent} title={session.user_agent}>
                {programName(session.user_agent) || "–"}
                {" · "}
                {t("operators.since", { when: format.dateTime(session.started_at) })}
              </div>
            </li>
          ))}
        </ul>
      )}
      {end.error && (
        <div className={classes.problem}>
          <ProblemAlert error={end.error} />
        </div>
      )}
      <Group justify="space-between" gap="xs" mt="xl">
        <Text size="sm" c="dimmed" className={classes.note}>
          {own && t("operators.endsOwn")}
        </Text>
        <Group gap="xs">
          <DialogCancel data-autofocus>{t("action.close")}</DialogCancel>
          <Button
            color="red"
            disabled={!data || data.length === 0}
            loading={end.isPending}
            onClick={() =>
              end.mutate(operator.id, {
                onSuccess: () => ended(t("operators.ended", { email: operator.email })),
              })
            }
          >
            {t("operators.signOutEverywhere")}
          </Button>
        </Group>
      </Group>
    </Dialog>
  );
}
