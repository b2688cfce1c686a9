import { useTranslation } from "@/shared/i18n/use-translation";
import { RelativeTime } from "./relative-time";
import classes from "./text.module.css";

export function LastUsed({ at }: { at: string | null }) {
  const { t } = useTranslation();
  return at === null ? <span className={classes.never}>{t("time.never")}</span> : <RelativeTime at={at} />;
}
