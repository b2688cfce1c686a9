import { Skeleton } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { EmptyState } from "@/shared/ui/empty-state";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { RelativeTime } from "@/shared/ui/relative-time";
import { denialsQuery } from "../api/key-usage";
import classes from "./denials.module.css";

/** Why the latest exchanges were refused; the caller learns only that they were. */
export function DenialsCard({ clientId }: { clientId: string }) {
  const { t } = useTranslation();
  const { data, error, isFetching, refetch } = useQuery(denialsQuery(clientId));
  return (
    <Card flush title={t("denials.title")} description={t("denials.description")}>
      {error && (
        <div className={classes.problem}>
          <ProblemAlert
            error={error}
            title={t("denials.failed")}
            onRetry={() => void refetch()}
            retrying={isFetching}
          />
        </div>
      )}
      {!data && !error && <Skeleton height={180} radius={0} aria-hidden />}
      {data?.length === 0 && (
        <EmptyState icon={<IconCircleCheck size={22} stroke={1.6} />} title={t("denials.empty.title")}>
          {t("denials.empty.text")}
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <ul className={classes.denials}>
          {data.map((denial) => (
            <li key={`${denial.at} ${denial.request_id}`} className={classes.denial}>
              <IconAlertTriangle className={classes.icon} size={16} stroke={1.8} aria-hidden />
              <div className={classes.what}>
                <span className={classes.reason}>{t(`denials.reason.${denial.reason}.title`)}</span>
                <span className={classes.hint}>{t(`denials.reason.${denial.reason}.text`)}</span>
              </div>
              <dl className={classes.facts}>
                <div>
                  <dt>{t("denials.address")}</dt>
                  <dd>
                    <code>{denial.ip || "–"}</code>
                  </dd>
                </div>
                <div>
                  <dt>{t("denials.requestId")}</dt>
                  <dd>
                    <code>{denial.request_id || "–"}</code>
                  </dd>
                </div>
              </dl>
              <span className={classes.time}>
                <RelativeTime at={denial.at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
