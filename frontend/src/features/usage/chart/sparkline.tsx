import { useTranslation } from "@/shared/i18n/use-translation";
import type { UsagePoint } from "../api/key-usage";
import { totalsOf } from "./series";
import classes from "./sparkline.module.css";

const WIDTH = 72;
const HEIGHT = 16;

/** The last 24 hours as small bars. Until `points` arrives, the space is reserved. */
export function Sparkline({ points }: { points: UsagePoint[] | undefined }) {
  const { t } = useTranslation();
  if (!points || points.length === 0) return <span className={classes.sparkline} aria-hidden />;
  const { issued } = totalsOf(points);
  const label = t("usage.sparkline", { count: issued });
  const max = Math.max(1, ...points.map((point) => point.issued));
  const step = WIDTH / points.length;
  const bars = points.map((point, index) => {
    const height = point.issued === 0 ? 0 : Math.max(1.5, (point.issued / max) * HEIGHT);
    return `M${(index * step).toFixed(2)} ${HEIGHT}v${-height.toFixed(2)}h${(step - 0.8).toFixed(2)}V${HEIGHT}z`;
  });
  return (
    <span className={classes.sparkline} title={label}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
        <path className={classes.base} d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
        <path className={classes.bars} d={bars.join("")} />
      </svg>
    </span>
  );
}
