import type { UsagePoint } from "../api/key-usage";
import { gridValues } from "./series";

export const HEIGHT = 232;
/** The room for the labels around the bars. */
export const margin = { top: 10, right: 4, bottom: 26, left: 44 } as const;
const BAR_MAX = 30;

export type Plot = ReturnType<typeof plotOf>;

/** Where the lines and bars of a chart are, in pixels. Each point has a band of its own, with its bar in the middle. */
export function plotOf(points: readonly UsagePoint[], width: number) {
  const grid = gridValues(Math.max(0, ...points.map((point) => point.issued + point.denied)));
  const top = grid[grid.length - 1] ?? 1;
  const plotWidth = Math.max(0, width - margin.left - margin.right);
  const plotHeight = HEIGHT - margin.top - margin.bottom;
  const band = points.length > 0 ? plotWidth / points.length : 0;
  return {
    width,
    plotWidth,
    plotHeight,
    /** The values of the grid lines. */
    grid,
    band,
    bar: Math.min(BAR_MAX, Math.max(1, band * 0.72)),
    /** The height of a value. */
    y: (value: number) => margin.top + plotHeight * (1 - value / top),
    bandStart: (index: number) => margin.left + band * index,
    bandMiddle: (index: number) => margin.left + band * (index + 0.5),
    /** The point at a distance from the left edge; undefined while the chart has no width. */
    indexAt: (x: number) =>
      band === 0 ? undefined : Math.min(points.length - 1, Math.max(0, Math.floor((x - margin.left) / band))),
  };
}

/** The bars of all points as one SVG path, each from one value up to another. */
export function barsPath(
  plot: Plot,
  points: readonly UsagePoint[],
  from: (point: UsagePoint) => number,
  to: (point: UsagePoint) => number,
): string {
  return points
    .map((point, index) => {
      const [low, high] = [plot.y(from(point)), plot.y(to(point))];
      if (to(point) <= from(point)) return "";
      // Makes a single refusal among thousands of tokens visible.
      const height = Math.max(1.5, low - high);
      const x = plot.bandMiddle(index) - plot.bar / 2;
      return `M${x.toFixed(1)} ${low.toFixed(1)}v${(-height).toFixed(1)}h${plot.bar.toFixed(1)}V${low.toFixed(1)}z`;
    })
    .join("");
}
