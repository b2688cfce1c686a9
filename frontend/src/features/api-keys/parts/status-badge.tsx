import { IconCircleCheck, IconCircleOff } from "@tabler/icons-react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { StatusPill } from "@/shared/ui/status-pill";
import type { ApiKeyStatus } from "../api/api-key";

export function StatusBadge({ status }: { status: ApiKeyStatus }) {
  const { t } = useTranslation();
  const active = status === "active";
  return (
    <StatusPill icon={active ? IconCircleCheck : IconCircleOff} tone={active ? "good" : "plain"}>
      {t(`status.${status}`)}
    </StatusPill>
  );
}
