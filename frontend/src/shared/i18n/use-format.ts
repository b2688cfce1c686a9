import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { relativeTime } from "./relative-time";

export interface Format {
  /** 10 Nov 2026 */
  date: (at: string) => string;
  /** 10 Nov 2026, 14:05 GMT-3 */
  dateTime: (at: string) => string;
  /** 2 min ago */
  relative: (at: string, now: Date) => string;
  number: (value: number) => string;
  /** 12K, where room is short. */
  compact: (value: number) => string;
  /** 0.123 as 12.3% */
  percent: (share: number) => string;
  list: (items: string[]) => string;
}

/** Dates and numbers in the console's language and the browser's time zone. */
export function useFormat(): Format {
  const { t, i18n } = useTranslation();
  return useMemo(() => {
    const language = i18n.language;
    const date = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
    const dateTime = new Intl.DateTimeFormat(language, {
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "numeric",
      minute: "2-digit",
      timeZoneName: "short",
    });
    const relative = new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" });
    const number = new Intl.NumberFormat(language);
    const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
    const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
    const list = new Intl.ListFormat(language, { type: "conjunction" });
    return {
      // Portuguese writes "22 de nov. de 2026"; in columns the words between are noise.
      date: (at) =>
        date
          .formatToParts(new Date(at))
          .map((part) => (part.value === " de " ? " " : part.value))
          .join(""),
      dateTime: (at) => dateTime.format(new Date(at)),
      relative: (at, now) => {
        const distance = relativeTime(new Date(at), now);
        return distance ? relative.format(distance.value, distance.unit) : t("time.now");
      },
      number: (value) => number.format(value),
      compact: (value) => compact.format(value),
      percent: (share) => percent.format(share),
      list: (items) => list.format(items),
    };
  }, [t, i18n.language]);
}
