import { Button } from "@mantine/core";
import { IconKey, IconSearchOff } from "@tabler/icons-react";
import { useCanWrite } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { EmptyState } from "@/shared/ui/empty-state";
import { AddButton } from "./add-button";

/** Shown while the tenancy has no key. */
export function NoKeys() {
  const { t } = useTranslation();
  const canWrite = useCanWrite();
  return (
    <EmptyState
      icon={<IconKey size={22} stroke={1.6} />}
      title={t("list.empty.title")}
      action={canWrite ? <AddButton /> : undefined}
    >
      {canWrite ? t("list.empty.text") : t("list.empty.readonly")}
    </EmptyState>
  );
}

interface NoMatchProps {
  /** Empty if the keys are filtered by status only. */
  searched: string;
  onClear: () => void;
}

/** Shown when no key matches the filters. */
export function NoMatch({ searched, onClear }: NoMatchProps) {
  const { t } = useTranslation();
  return (
    <EmptyState
      icon={<IconSearchOff size={22} stroke={1.6} />}
      title={t("list.noMatch.title")}
      action={
        <Button variant="default" onClick={onClear}>
          {t("list.noMatch.clear")}
        </Button>
      }
    >
      {searched ? t("list.noMatch.search", { search: searched }) : t("list.noMatch.status")}
    </EmptyState>
  );
}
