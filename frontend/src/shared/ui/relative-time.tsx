import type { ReactNode } from "react";
import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { Hint } from "./hint";
import classes from "./text.module.css";

/** A time in words, with the absolute time on hover and on focus. */
export function Time({ at, children }: { at: string; children: ReactNode }) {
  const format = useFormat();
  return (
    <Hint<HTMLTimeElement> label={format.dateTime(at)}>
      {(target) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the absolute time must be reachable by keyboard
        <time {...target} className={classes.time} dateTime={at} tabIndex={0}>
          {children}
        </time>
      )}
    </Hint>
  );
}

/** "2 min ago" */
export function RelativeTime({ at }: { at: string }) {
  const format = useFormat();
  const now = useNow();
  return <Time at={at}>{format.relative(at, now)}</Time>;
}

/** "Nov 10, 2026" */
export function DateOf({ at }: { at: string }) {
  const format = useFormat();
  return <Time at={at}>{format.date(at)}</Time>;
}
