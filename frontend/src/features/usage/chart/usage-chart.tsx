import { type KeyboardEvent, type PointerEvent, useMemo, useState } from "react";
import { dateLocale } from "@/shared/i18n/date-locale";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { UsagePoint } from "../api/key-usage";
import type { Resolution } from "../usage-range";
import { ChartDrawing } from "./chart-drawing";
import { plotOf } from "./plot";
import { timeLabels } from "./series";
import classes from "./usage-chart.module.css";
import { useWidth } from "./use-width";

interface UsageChartProps {
  points: UsagePoint[];
  resolution: Resolution;
}

/** Where a key leads from a position. */
const moves: Record<string, (present: number, last: number) => number> = {
  ArrowLeft: (present) => present - 1,
  ArrowDown: (present) => present - 1,
  ArrowRight: (present) => present + 1,
  ArrowUp: (present) => present + 1,
  PageDown: (present) => present - 7,
  PageUp: (present) => present + 7,
  Home: () => 0,
  End: (_, last) => last,
};

/**
 * Tokens issued, with denied requests stacked on top, as bars. Like a slider, the chart is read with the arrow keys: each
 * position announces its time and its counts. A table beside it holds the same numbers.
 */
export function UsageChart({ points, resolution }: UsageChartProps) {
  const { t, language } = useTranslation();
  const [ref, width] = useWidth<HTMLDivElement>();
  const [position, setPosition] = useState<number | null>(null);
  const [focused, setFocused] = useState(false);

  const labels = useMemo(
    () => timeLabels(dateLocale(language), resolution, points.length),
    [language, resolution, points.length],
  );
  const plot = useMemo(() => plotOf(points, width), [points, width]);
  const last = points.length - 1;
  const shown = position === null ? null : Math.min(position, last);
  const point = shown === null ? undefined : points[shown];
  const spoken = points[shown ?? last];
  const describe = (each: UsagePoint) =>
    t("usage.point", {
      time: labels.full(each),
      issued: t("usage.issuedCount", { count: each.issued }),
      denied: t("usage.deniedCount", { count: each.denied }),
    });

  function onKeyDown(event: KeyboardEvent) {
    const next = moves[event.key]?.(shown ?? last, last);
    if (next === undefined) return;
    event.preventDefault();
    setPosition(Math.min(last, Math.max(0, next)));
  }

  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    const index = plot.indexAt(event.clientX - event.currentTarget.getBoundingClientRect().left);
    if (index !== undefined) setPosition(index);
  }

  return (
    <div
      ref={ref}
      className={classes.chart}
      role="slider"
      tabIndex={0}
      aria-label={t("usage.chart")}
      aria-roledescription={t("usage.chartRole")}
      aria-valuemin={1}
      aria-valuemax={points.length}
      aria-valuenow={(shown ?? last) + 1}
      aria-valuetext={spoken && describe(spoken)}
      onKeyDown={onKeyDown}
      onPointerMove={onPointerMove}
      onPointerLeave={() => !focused && setPosition(null)}
      onFocus={(event) => {
        if (!event.currentTarget.matches(":focus-visible")) return;
        setFocused(true);
        setPosition((before) => before ?? last);
      }}
      onBlur={() => {
        setFocused(false);
        setPosition(null);
      }}
    >
      {width > 0 && <ChartDrawing plot={plot} points={points} resolution={resolution} labels={labels} shown={shown} />}
      {point && shown !== null && (
        <div
          className={classes.tip}
          data-side={shown > last / 2 ? "left" : "right"}
          style={{ left: plot.bandMiddle(shown) }}
        >
          <span className={classes.tipTime}>{labels.full(point)}</span>
          <span className={classes.tipLine} data-tone="issued">
            {t("usage.issuedCount", { count: point.issued })}
          </span>
          <span className={classes.tipLine} data-tone="denied">
            {t("usage.deniedCount", { count: point.denied })}
          </span>
        </div>
      )}
    </div>
  );
}
