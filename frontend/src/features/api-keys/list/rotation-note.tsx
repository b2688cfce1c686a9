import { IconRefresh } from "@tabler/icons-react";
import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Hint } from "@/shared/ui/hint";
import { type ApiKey, oldSecret } from "../api/api-key";
import classes from "./list.module.css";

/**
 * Says that two secrets of the key work, and until when. It disappears at that time, as the list may stay open for longer.
 */
export function RotationNote({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const until = oldSecret(apiKey)?.expires_at;
  if (!until || new Date(until) <= now) return null;
  return (
    <Hint<HTMLSpanElement> label={t("list.rotatingUntil", { until: format.dateTime(until) })}>
      {(target) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the end of the grace period must be reachable by keyboard
        <span {...target} className={classes.rotating} tabIndex={0}>
          <IconRefresh size={12} stroke={2} aria-hidden />
          {t("list.rotating")}
        </span>
      )}
    </Hint>
  );
}
