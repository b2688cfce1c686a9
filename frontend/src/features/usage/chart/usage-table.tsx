import { useMemo } from "react";
import { dateLocale } from "@/shared/i18n/date-locale";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { UsagePoint } from "../api/key-usage";
import type { Resolution } from "../usage-range";
import { timeLabels } from "./series";
import classes from "./usage-table.module.css";

/** The chart's numbers, newest first. */
export function UsageTable({ points, resolution }: { points: UsagePoint[]; resolution: Resolution }) {
  const { t, language } = useTranslation();
  const format = useFormat();
  const labels = useMemo(
    () => timeLabels(dateLocale(language), resolution, points.length),
    [language, resolution, points.length],
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className={classes.scroll} tabIndex={0} aria-label={t("usage.table")}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">{t(resolution === "hour" ? "usage.hour" : "usage.day")}</th>
            <th scope="col">{t("usage.issued")}</th>
            <th scope="col">{t("usage.denied")}</th>
          </tr>
        </thead>
        <tbody>
          {points.toReversed().map((point) => (
            <tr key={point.start} data-empty={point.issued + point.denied === 0}>
              <th scope="row">{labels.full(point)}</th>
              <td>{format.number(point.issued)}</td>
              <td>{format.number(point.denied)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
