import { IconCircleCheck, IconCircleOff } from "@tabler/icons-react";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { ApiKeyStatus } from "../api/api-key";
import classes from "./parts.module.css";

/** Icon and word; colour only repeats them. */
export function StatusBadge({ status }: { status: ApiKeyStatus }) {
  const { t } = useTranslation();
  const Icon = status === "active" ? IconCircleCheck : IconCircleOff;
  return (
    <span className={classes.status} data-status={status}>
      <Icon size={14} stroke={2} aria-hidden />
      {t(`status.${status}`)}
    </span>
  );
}
