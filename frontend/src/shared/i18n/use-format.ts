import { useMemo } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { dateLocale } from "./date-locale";
import { relativeTime } from "./relative-time";
import { terse } from "./terse";

export interface Format {
  /** Nov 10, 2026, or the equivalent in the browser's variant of the language */
  date: (at: string) => string;
  /** Nov 10, 2026, 2:05 PM GMT-3 */
  dateTime: (at: string) => string;
  /** 2 min ago */
  relative: (at: string, now: Date) => string;
  number: (value: number) => string;
  /** 12K, for where space is short */
  compact: (value: number) => string;
  /** 0.123 as 12.3% */
  percent: (share: number) => string;
  list: (items: string[]) => string;
}

/** Calls `make` on first use and keeps its result. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function makeFormatters(language: string) {
  const day = { day: "numeric", month: "short", year: "numeric" } as const;
  const minute = { ...day, hour: "numeric", minute: "2-digit", timeZoneName: "short" } as const;
  return {
    date: lazily(() => new Intl.DateTimeFormat(dateLocale(language), day)),
    dateTime: lazily(() => new Intl.DateTimeFormat(dateLocale(language), minute)),
    relative: lazily(() => new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" })),
    number: lazily(() => new Intl.NumberFormat(language)),
    compact: lazily(() => new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 })),
    percent: lazily(() => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 })),
    list: lazily(() => new Intl.ListFormat(language, { type: "conjunction" })),
  };
}

/** One set per language: formatters take longer to create than a table row takes to render. */
const known = new Map<string, ReturnType<typeof makeFormatters>>();

function formattersOf(language: string) {
  let formatters = known.get(language);
  if (!formatters) {
    formatters = makeFormatters(language);
    known.set(language, formatters);
  }
  return formatters;
}

/**
 * Creates the date formatter ahead of time. The first one in a browser takes as long as rendering ten table rows; created
 * here, it costs nothing extra, because the page is waiting for the service anyway.
 */
export function prepareFormats(language: string): void {
  setTimeout(() => formattersOf(language).date());
}

/** Dates and numbers in the console's language and the browser's time zone. */
export function useFormat(): Format {
  const { t, language } = useTranslation();
  return useMemo(() => {
    const { date, dateTime, relative, number, compact, percent, list } = formattersOf(language);
    return {
      date: (at) => terse(date(), new Date(at)),
      dateTime: (at) => terse(dateTime(), new Date(at)),
      relative: (at, now) => {
        const distance = relativeTime(new Date(at), now);
        if (!distance) return t("time.now");
        // Drops the full stop of "há 12 min.": it would end a sentence twice, and a unit symbol takes none anyway.
        return relative().format(distance.value, distance.unit).replace(/\.$/, "");
      },
      number: (value) => number().format(value),
      compact: (value) => compact().format(value),
      percent: (share) => percent().format(share),
      list: (items) => list().format(items),
    };
  }, [t, language]);
}
