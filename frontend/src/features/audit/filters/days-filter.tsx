import { TextInput } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { isDay } from "../audit-search";
import classes from "./filters.module.css";
import { useTyped } from "./use-typed";

interface Days {
  from: string;
  to: string;
}

function sameDays(a: Days, b: Days): boolean {
  return a.from === b.from && a.to === b.to;
}

function reversed({ from, to }: Days): boolean {
  return isDay(from) && isDay(to) && to < from;
}

/**
 * The first and the last day. While a day is being typed it passes through years such as 0002, so it is applied once it is
 * plausible or the field loses the focus. While the last day is before the first, neither is applied, so that neither is lost
 * on the way to a valid pair.
 */
export function DaysFilter({ from, to, onChange }: Days & { onChange: (days: Days) => void }) {
  const { t } = useTranslation();
  const problemId = useId();
  const [typed, setTyped] = useTyped({ from, to }, sameDays);
  const invalid = reversed(typed);

  function apply(days: Days) {
    if (!reversed(days) && !sameDays(days, { from, to })) onChange(days);
  }

  function type(end: keyof Days, day: string) {
    const days = { ...typed, [end]: day };
    setTyped(days);
    if (isDay(day)) apply(days);
  }

  function leave() {
    const days = { from: isDay(typed.from) ? typed.from : "", to: isDay(typed.to) ? typed.to : "" };
    setTyped(days);
    apply(days);
  }

  const field = {
    className: classes.day,
    type: "date",
    error: invalid,
    "aria-errormessage": invalid ? problemId : undefined,
    onBlur: leave,
  };
  return (
    <>
      <TextInput
        {...field}
        label={t("audit.filter.from")}
        value={typed.from}
        max={typed.to || undefined}
        onChange={(event) => type("from", event.currentTarget.value)}
      />
      <TextInput
        {...field}
        label={t("audit.filter.to")}
        value={typed.to}
        min={typed.from || undefined}
        onChange={(event) => type("to", event.currentTarget.value)}
      />
      {invalid && (
        <p className={classes.reversed} id={problemId} role="alert">
          {t("audit.filter.reversed")}
        </p>
      )}
    </>
  );
}
