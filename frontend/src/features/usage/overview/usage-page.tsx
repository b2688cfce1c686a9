import { SegmentedControl, Skeleton } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { EmptyState } from "@/shared/ui/empty-state";
import { Page } from "@/shared/ui/page";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { type ExpiringSecret, OVERVIEW_MAX, type UsageOverview, usageOverviewQuery } from "../api/usage-overview";
import { RangePicker } from "../chart/range-picker";
import { type UsageSearch, unusedChoices } from "../usage-search";
import { ExpiringTable, TopTable, UnusedTable } from "./key-tables";
import classes from "./overview.module.css";

interface UsagePageProps {
  search: UsageSearch;
  onChange: (next: UsageSearch) => void;
}

function Figures({ overview, running }: { overview: UsageOverview; running: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const attempts = overview.issued + overview.denied;
  return (
    <dl className={classes.figures}>
      <div className={classes.figure}>
        <dt>{t("usage.issued")}</dt>
        <dd>{format.number(overview.issued)}</dd>
      </div>
      <div className={classes.figure}>
        <dt>{t("usage.denied")}</dt>
        <dd>{format.number(overview.denied)}</dd>
      </div>
      <div className={classes.figure}>
        <dt>{t("usage.deniedShare")}</dt>
        <dd>{attempts === 0 ? "–" : format.percent(overview.denied / attempts)}</dd>
      </div>
      <div className={classes.figure} data-tone={running > 0 ? "warn" : undefined}>
        <dt>{t("usage.graceRunning")}</dt>
        <dd>
          {format.number(running)}
          {overview.expiring.length === OVERVIEW_MAX && "+"}
        </dd>
      </div>
    </dl>
  );
}

/** The old secrets that still work: some may end while the page is open. */
function stillValid(secrets: ExpiringSecret[], now: Date): ExpiringSecret[] {
  return secrets.filter((secret) => new Date(secret.expires_at) > now);
}

/** The tenancy at a glance: which keys are used, which are not, and which rotations are about to end. */
export function UsagePage({ search, onChange }: UsagePageProps) {
  const { t } = useTranslation();
  const now = useNow();
  const { data, error, isPlaceholderData, isFetching, refetch } = useQuery(usageOverviewQuery(search));
  const running = stillValid(data?.expiring ?? [], now);
  return (
    <Page
      title={t("usage.title")}
      description={t("usage.description")}
      actions={<RangePicker value={search.range} onChange={(range) => onChange({ ...search, range })} />}
    >
      {error && (
        <div className={classes.problem}>
          <ProblemAlert error={error} title={t("usage.failed")} onRetry={() => void refetch()} retrying={isFetching} />
        </div>
      )}
      {!data && !error && (
        <div className={classes.sections} aria-hidden>
          <Skeleton height={92} radius="lg" />
          <Skeleton height={280} radius="lg" />
          <Skeleton height={220} radius="lg" />
        </div>
      )}
      {data && (
        <div className={classes.sections} aria-busy={isPlaceholderData} data-busy={isPlaceholderData}>
          <Figures overview={data} running={running.length} />
          {running.length > 0 && (
            <Card flush title={t("usage.expiring.title")} description={t("usage.expiring.text")}>
              <ExpiringTable secrets={running} now={now} />
              {data.expiring.length === OVERVIEW_MAX && <p className={classes.more}>{t("usage.expiring.more")}</p>}
            </Card>
          )}
          <Card flush title={t("usage.top.title")} description={t("usage.top.text")}>
            {data.top.length === 0 ? (
              <EmptyState icon={<IconChartBar size={22} stroke={1.6} />} title={t("usage.top.none")}>
                {t("usage.top.noneText")}
              </EmptyState>
            ) : (
              <TopTable keys={data.top} />
            )}
          </Card>
          <Card
            flush
            title={t("usage.unused.title")}
            description={t("usage.unused.text")}
            aside={
              <SegmentedControl
                size="xs"
                aria-label={t("usage.unused.since")}
                value={search.unused}
                onChange={(value) =>
                  onChange({ ...search, unused: unusedChoices.find((days) => days === value) ?? search.unused })
                }
                data={unusedChoices.map((days) => ({ value: days, label: t("usage.days", { count: Number(days) }) }))}
              />
            }
          >
            {data.unused.length === 0 ? (
              <p className={classes.nothing}>{t("usage.unused.none", { count: Number(search.unused) })}</p>
            ) : (
              <>
                <UnusedTable keys={data.unused} />
                {data.unused.length === OVERVIEW_MAX && <p className={classes.more}>{t("usage.unused.more")}</p>}
              </>
            )}
          </Card>
        </div>
      )}
    </Page>
  );
}
