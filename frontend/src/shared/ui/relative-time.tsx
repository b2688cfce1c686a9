import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { Hint } from "./hint";
import classes from "./text.module.css";

/** "2 min ago"; the absolute time on hover and on focus. */
export function RelativeTime({ at }: { at: string }) {
  const format = useFormat();
  const now = useNow();
  return (
    <Hint<HTMLTimeElement> label={format.dateTime(at)}>
      {(target) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the absolute time must be reachable by keyboard
        <time {...target} className={classes.time} dateTime={at} tabIndex={0}>
          {format.relative(at, now)}
        </time>
      )}
    </Hint>
  );
}
