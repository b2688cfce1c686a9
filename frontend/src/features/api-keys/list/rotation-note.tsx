import { Tooltip } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/shared/i18n/use-format";
import { type ApiKey, oldSecret } from "../api/api-key";
import classes from "./list.module.css";

/** Says that two secrets of the key work, and until when. */
export function RotationNote({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useTranslation();
  const format = useFormat();
  const until = oldSecret(apiKey)?.expires_at;
  if (!until) return null;
  return (
    <Tooltip label={t("list.rotatingUntil", { until: format.dateTime(until) })}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: until when must be reachable by keyboard */}
      <span className={classes.rotating} tabIndex={0}>
        <IconRefresh size={12} stroke={2} aria-hidden />
        {t("list.rotating")}
      </span>
    </Tooltip>
  );
}
