import { type KeyboardEvent, type PointerEvent, useLayoutEffect, useMemo, useRef, useState } from "react";
import { dateLocale } from "@/shared/i18n/date-locale";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { UsagePoint } from "../api/key-usage";
import type { Resolution } from "../usage-range";
import { gridValues, labelledPositions, timeLabels } from "./series";
import classes from "./usage-chart.module.css";

const HEIGHT = 232;
const TOP = 10;
const BOTTOM = 26;
const LEFT = 44;
const RIGHT = 4;
const LABEL_WIDTH = 76;
const BAR_MAX = 30;

interface UsageChartProps {
  points: UsagePoint[];
  resolution: Resolution;
}

/**
 * Tokens issued, with denied requests stacked on top, as bars. Like a slider, the chart is read with the arrow keys: each
 * position announces its time and its counts. A table beside it holds the same numbers.
 */
export function UsageChart({ points, resolution }: UsageChartProps) {
  const { t, language } = useTranslation();
  const format = useFormat();
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [position, setPosition] = useState<number | null>(null);
  const [focused, setFocused] = useState(false);

  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const last = points.length - 1;
  const labels = useMemo(
    () => timeLabels(dateLocale(language), resolution, points.length),
    [language, resolution, points.length],
  );
  const grid = useMemo(() => gridValues(Math.max(0, ...points.map((each) => each.issued + each.denied))), [points]);
  const top = grid[grid.length - 1] ?? 1;
  const plotWidth = Math.max(0, width - LEFT - RIGHT);
  const plotHeight = HEIGHT - TOP - BOTTOM;
  const band = points.length > 0 ? plotWidth / points.length : 0;
  const bar = Math.min(BAR_MAX, Math.max(1, band * 0.72));
  const y = (value: number) => TOP + plotHeight * (1 - value / top);
  const x = (index: number) => LEFT + band * index + (band - bar) / 2;

  const shown = position === null ? null : Math.min(position, last);
  const point = shown === null ? undefined : points[shown];
  const spoken = points[shown ?? last];
  const describe = (each: UsagePoint) =>
    t("usage.point", {
      time: labels.full(each),
      issued: t("usage.issuedCount", { count: each.issued }),
      denied: t("usage.deniedCount", { count: each.denied }),
    });

  function column(from: (each: UsagePoint) => number, to: (each: UsagePoint) => number): string {
    return points
      .map((each, index) => {
        const [low, high] = [y(from(each)), y(to(each))];
        // Makes a single refusal among thousands of tokens visible.
        const height = to(each) > from(each) ? Math.max(1.5, low - high) : 0;
        return height === 0
          ? ""
          : `M${x(index).toFixed(1)} ${low.toFixed(1)}v${(-height).toFixed(1)}h${bar.toFixed(1)}V${low.toFixed(1)}z`;
      })
      .join("");
  }

  function onKeyDown(event: KeyboardEvent) {
    const present = shown ?? last;
    const moves: Record<string, number> = {
      ArrowLeft: present - 1,
      ArrowDown: present - 1,
      ArrowRight: present + 1,
      ArrowUp: present + 1,
      PageDown: present - 7,
      PageUp: present + 7,
      Home: 0,
      End: last,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setPosition(Math.min(last, Math.max(0, next)));
  }

  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    if (band === 0) return;
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left - LEFT;
    setPosition(Math.min(last, Math.max(0, Math.floor(at / band))));
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
      {width > 0 && (
        <svg width={width} height={HEIGHT} aria-hidden="true" focusable="false">
          {grid.map((value) => (
            <g key={value}>
              <path
                className={value === 0 ? classes.base : classes.grid}
                d={`M${LEFT} ${Math.round(y(value)) + 0.5}H${width - RIGHT}`}
              />
              <text className={classes.label} x={LEFT - 10} y={y(value) + 4} textAnchor="end">
                {format.compact(value)}
              </text>
            </g>
          ))}
          {shown !== null && (
            <rect className={classes.band} x={LEFT + band * shown} y={TOP} width={band} height={plotHeight} />
          )}
          <path
            className={classes.issued}
            d={column(
              () => 0,
              (each) => each.issued,
            )}
          />
          <path
            className={classes.denied}
            d={column(
              (each) => each.issued,
              (each) => each.issued + each.denied,
            )}
          />
          {labelledPositions(points, resolution, Math.floor(plotWidth / LABEL_WIDTH)).map((index) => {
            const each = points[index];
            if (!each) return null;
            const middle = LEFT + band * (index + 0.5);
            const edge = middle > width - 24 ? "end" : "middle";
            return (
              <text
                key={each.start}
                className={classes.label}
                x={edge === "end" ? width - RIGHT : middle}
                y={HEIGHT - 7}
                textAnchor={edge}
              >
                {labels.axis(each)}
              </text>
            );
          })}
        </svg>
      )}
      {point && shown !== null && (
        <div
          className={classes.tip}
          data-side={shown > last / 2 ? "left" : "right"}
          style={{ left: LEFT + band * (shown + 0.5) }}
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
