import { IconHistory } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { EmptyState } from "@/shared/ui/empty-state";
import { auditDefaults } from "./audit-search";
import { EventList } from "./event-list";

interface KeyHistoryProps {
  clientId: string;
  /** The key's current name. */
  name: string;
}

/** What happened to a key. */
export function KeyHistory({ clientId, name }: KeyHistoryProps) {
  const { t } = useTranslation();
  const search = useMemo(() => ({ ...auditDefaults, key: clientId }), [clientId]);
  return (
    <Card flush title={t("history.title")} description={t("history.description")}>
      <EventList
        search={search}
        keyNames={new Map([[clientId, name]])}
        linked={false}
        empty={
          <EmptyState icon={<IconHistory size={22} stroke={1.6} />} title={t("audit.empty.title")}>
            {t("audit.empty.text")}
          </EmptyState>
        }
      />
    </Card>
  );
}
