import { useFormat } from "@/shared/i18n/use-format";
import type { UsagePoint } from "../api/key-usage";
import type { Resolution } from "../usage-range";
import { barsPath, HEIGHT, margin, type Plot } from "./plot";
import { labelledPositions, type TimeLabels } from "./series";
import classes from "./usage-chart.module.css";

const LABEL_WIDTH = 76;

interface ChartDrawingProps {
  plot: Plot;
  points: UsagePoint[];
  resolution: Resolution;
  labels: TimeLabels;
  /** The index of the point that stands out. */
  shown: number | null;
}

/** What the chart looks like; assistive technology reads the chart's value and the table instead. */
export function ChartDrawing({ plot, points, resolution, labels, shown }: ChartDrawingProps) {
  const format = useFormat();
  const { width } = plot;
  return (
    <svg width={width} height={HEIGHT} aria-hidden="true" focusable="false">
      {plot.grid.map((value) => (
        <g key={value}>
          <path
            className={value === 0 ? classes.base : classes.grid}
            d={`M${margin.left} ${Math.round(plot.y(value)) + 0.5}H${width - margin.right}`}
          />
          <text className={classes.label} x={margin.left - 10} y={plot.y(value) + 4} textAnchor="end">
            {format.compact(value)}
          </text>
        </g>
      ))}
      {shown !== null && (
        <rect
          className={classes.band}
          x={plot.bandStart(shown)}
          y={margin.top}
          width={plot.band}
          height={plot.plotHeight}
        />
      )}
      <path
        className={classes.issued}
        d={barsPath(
          plot,
          points,
          () => 0,
          (point) => point.issued,
        )}
      />
      <path
        className={classes.denied}
        d={barsPath(
          plot,
          points,
          (point) => point.issued,
          (point) => point.issued + point.denied,
        )}
      />
      {labelledPositions(points, resolution, Math.floor(plot.plotWidth / LABEL_WIDTH)).map((index) => {
        const point = points[index];
        if (!point) return null;
        const middle = plot.bandMiddle(index);
        const atEdge = middle > width - 24;
        return (
          <text
            key={point.start}
            className={classes.label}
            x={atEdge ? width - margin.right : middle}
            y={HEIGHT - 7}
            textAnchor={atEdge ? "end" : "middle"}
          >
            {labels.axis(point)}
          </text>
        );
      })}
    </svg>
  );
}
