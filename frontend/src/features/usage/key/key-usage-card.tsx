import { Button, Skeleton } from "@mantine/core";
import { IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { keyUsageQuery } from "../api/key-usage";
import { RangePicker } from "../chart/range-picker";
import { resolutionOf, totalsOf } from "../chart/series";
import { UsageChart } from "../chart/usage-chart";
import classes from "../chart/usage-chart.module.css";
import { UsageTable } from "../chart/usage-table";
import type { UsageRange } from "../usage-range";

interface KeyUsageCardProps {
  clientId: string;
  range: UsageRange;
  onRange: (range: UsageRange) => void;
}

/** Tokens issued and denied to a key, as a chart and as a table. */
export function KeyUsageCard({ clientId, range, onRange }: KeyUsageCardProps) {
  const { t } = useTranslation();
  const [tabular, setTabular] = useState(false);
  const tableId = useId();
  const { data, error, isPlaceholderData, isFetching, refetch } = useQuery(keyUsageQuery(clientId, range));
  const resolution = resolutionOf(data?.points ?? []);
  const totals = totalsOf(data?.points ?? []);
  return (
    <Card
      title={t("usage.keyTitle")}
      description={t("usage.keyDescription")}
      aside={<RangePicker value={range} onChange={onRange} />}
    >
      {error && (
        <ProblemAlert error={error} title={t("usage.failed")} onRetry={() => void refetch()} retrying={isFetching} />
      )}
      {!data && !error && <Skeleton height={266} aria-hidden />}
      {data && (
        <div aria-busy={isPlaceholderData} data-busy={isPlaceholderData}>
          <p className={classes.legend}>
            <span className={classes.total} data-tone="issued">
              {t("usage.issuedCount", { count: totals.issued })}
            </span>
            <span className={classes.total} data-tone="denied">
              {t("usage.deniedCount", { count: totals.denied })}
            </span>
          </p>
          <UsageChart points={data.points} resolution={resolution} />
          <Button
            variant="subtle"
            color="gray"
            size="compact-sm"
            mt="sm"
            ml={-8}
            rightSection={tabular ? <IconChevronUp size={14} aria-hidden /> : <IconChevronDown size={14} aria-hidden />}
            aria-expanded={tabular}
            aria-controls={tableId}
            onClick={() => setTabular(!tabular)}
          >
            {tabular ? t("usage.hideTable") : t("usage.showTable")}
          </Button>
          <div id={tableId}>{tabular && <UsageTable points={data.points} resolution={resolution} />}</div>
        </div>
      )}
    </Card>
  );
}
