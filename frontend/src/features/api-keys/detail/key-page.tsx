import "@mantine/core/styles/Tabs.layer.css";
import { Box, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useCanWrite } from "@/features/session/session-query";
import { DenialsCard } from "@/features/usage/key/denials-card";
import { KeyUsageCard } from "@/features/usage/key/key-usage-card";
import { isNotFound } from "@/shared/api/api-error";
import { useTranslation } from "@/shared/i18n/use-translation";
import { BackLink } from "@/shared/ui/back-link";
import { Page } from "@/shared/ui/page";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { useKeyActions } from "../actions/key-actions";
import { type ApiKey, oldSecret } from "../api/api-key";
import { apiKeyQuery } from "../api/get-api-key";
import { EVIDENCE_REFRESH_MS } from "../parts/evidence";
import { KeyPageFallback } from "../parts/key-page-fallback";
import { StatusBadge } from "../parts/status-badge";
import classes from "./detail.module.css";
import { KeyOverview } from "./key-overview";
import { KeyPageActions } from "./key-page-actions";
import { type KeyPageSearch, keyTabs } from "./key-page-search";

interface KeyPageProps {
  clientId: string;
  search: KeyPageSearch;
  onSearch: (next: KeyPageSearch) => void;
  onDeleted: () => void;
  /** The key's history from the audit log. It is passed in because the audit feature depends on this one, not vice versa. */
  history: (key: ApiKey) => ReactNode;
}

/** All facts about a key: its secrets and how to use it, its usage, why exchanges were refused, and what changed. */
export function KeyPage({ clientId, search, onSearch, onDeleted, history }: KeyPageProps) {
  const { t } = useTranslation();
  const canWrite = useCanWrite();
  const query = useQuery({
    ...apiKeyQuery(clientId),
    refetchInterval: ({ state }) => (state.data && oldSecret(state.data.key) ? EVIDENCE_REFRESH_MS : false),
  });
  const { actions, dialogs } = useKeyActions({ onDeleted });
  // The key may have been deleted since it was last read.
  const key = isNotFound(query.error) ? undefined : query.data?.key;
  const retry = { retrying: query.isFetching, onRetry: () => void query.refetch() };

  return (
    <Page
      title={key?.name ?? t("keyPage.title")}
      badge={key && <StatusBadge status={key.status} />}
      description={key?.description || undefined}
      back={<BackLink to="/api-keys">{t("list.title")}</BackLink>}
      actions={key && canWrite && <KeyPageActions apiKey={key} actions={actions} />}
    >
      {key && query.error && (
        <Box mb="md">
          <ProblemAlert error={query.error} title={t("keyPage.stale")} {...retry} />
        </Box>
      )}
      {key ? (
        <Tabs
          value={search.tab}
          onChange={(value) => onSearch({ ...search, tab: keyTabs.find((tab) => tab === value) ?? "overview" })}
          keepMounted={false}
          // Each tab loads data and adds to the browser's history, so moving past one with the arrow keys must
          // not activate it.
          activateTabWithKeyboard={false}
        >
          <Tabs.List className={classes.tabs} aria-label={t("keyPage.parts")}>
            {keyTabs.map((tab) => (
              <Tabs.Tab key={tab} value={tab}>
                {t(`keyPage.tab.${tab}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="overview">
            <KeyOverview apiKey={key} />
          </Tabs.Panel>
          <Tabs.Panel value="usage">
            <KeyUsageCard
              clientId={clientId}
              range={search.range}
              onRange={(range) => onSearch({ ...search, range })}
            />
          </Tabs.Panel>
          <Tabs.Panel value="denials">
            <DenialsCard clientId={clientId} />
          </Tabs.Panel>
          <Tabs.Panel value="history">{history(key)}</Tabs.Panel>
        </Tabs>
      ) : (
        <KeyPageFallback error={query.error} {...retry} />
      )}
      {dialogs}
    </Page>
  );
}
