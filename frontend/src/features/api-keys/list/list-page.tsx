import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useCanWrite } from "@/features/session/session-query";
import { listUsageQuery } from "@/features/usage/api/list-usage";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { fetchOnDemandParts } from "@/shared/ui/on-demand";
import { Page } from "@/shared/ui/page";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { useAnnouncement } from "@/shared/ui/use-announcement";
import { useKeyActions } from "../actions/key-actions";
import { useApiKeys } from "../api/list-api-keys";
import { AddButton } from "./add-button";
import { NoKeys, NoMatch } from "./empty-list";
import { KeyCard } from "./key-cards";
import { KeyRow, KeyTable } from "./key-table";
import classes from "./list.module.css";
import { ListPager, rangeText } from "./list-pager";
import { isFiltered, type ListSearch, listDefaults, type PageRange, pageRange, sortedBy } from "./list-search";
import { SkeletonCards, SkeletonRows } from "./list-skeleton";
import { ListToolbar } from "./list-toolbar";
import { useExistingPage } from "./use-existing-page";
import { useGradually } from "./use-gradually";

interface ListPageProps {
  search: ListSearch;
  onChange: (next: ListSearch, options?: { replace?: boolean }) => void;
}

/** A hundred keys take a while to render; this many fill a screen. */
const keysAtOnce = 10;

export function ListPage({ search, onChange }: ListPageProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const canWrite = useCanWrite();
  const wide = useMediaQuery("(min-width: 60em)", undefined, { getInitialValueInEffect: false });
  const { data, error, isPending, isPlaceholderData, isFetching, refetch } = useApiKeys(search);
  const { actions, dialogs } = useKeyActions({ onDeleted: () => document.getElementById("main")?.focus() });

  const [cleared, setCleared] = useState(0);

  const change = (part: Partial<ListSearch>, options?: { replace?: boolean }) =>
    onChange({ ...search, page: 1, ...part }, options);

  function clear() {
    setCleared((count) => count + 1);
    change({ search: "", status: listDefaults.status });
  }

  const range = data && pageRange(data.meta, data.items.length);
  const foundText = (found: PageRange) =>
    found.pages > 1 ? `${t("list.title")} ${rangeText(t, format, found)}` : t("list.found", { count: found.total });

  const pages = isPlaceholderData ? undefined : range?.pages;
  useExistingPage(search, pages, onChange);

  const settled = range !== undefined && pages !== undefined && search.page <= pages;
  useAnnouncement(JSON.stringify(search), settled ? foundText(range) : undefined);

  const items = data?.items ?? [];
  const shown = items.slice(0, useGradually(items.length, keysAtOnce));
  const complete = data !== undefined && shown.length === items.length;
  useEffect(() => {
    if (complete) fetchOnDemandParts();
  }, [complete]);
  // The list comes first; the usage of its keys follows, where there is room for it.
  const used = items.filter((key) => key.last_used_at !== null).map((key) => key.client_id);
  const usage = useQuery({ ...listUsageQuery(used), enabled: wide && used.length > 0 && !isPlaceholderData });
  const failed = error !== null && data === undefined;
  const nothing = data !== undefined && items.length === 0 && search.page === 1;

  function content(): ReactNode {
    if (failed) {
      return (
        <div className={classes.failed}>
          <ProblemAlert error={error} title={t("list.failed")} onRetry={() => void refetch()} retrying={isFetching} />
        </div>
      );
    }
    if (nothing) return isFiltered(search) ? <NoMatch searched={search.search} onClear={clear} /> : <NoKeys />;
    if (!wide) {
      return (
        <ul className={classes.cards} aria-label={t("list.title")} aria-busy={isPending || isPlaceholderData}>
          {isPending ? (
            <SkeletonCards />
          ) : (
            shown.map((key) => <KeyCard key={key.client_id} apiKey={key} actions={actions} />)
          )}
        </ul>
      );
    }
    return (
      <KeyTable
        search={search}
        busy={isPending || isPlaceholderData}
        onSort={(field) => onChange(sortedBy(search, field))}
      >
        {isPending ? (
          <SkeletonRows />
        ) : (
          shown.map((key) => (
            <KeyRow key={key.client_id} apiKey={key} usage={usage.data?.get(key.client_id)} actions={actions} />
          ))
        )}
      </KeyTable>
    );
  }

  return (
    <Page title={t("list.title")} description={t("list.description")} actions={canWrite && <AddButton />}>
      <div className={classes.panel}>
        <ListToolbar
          search={search}
          withSorting={!wide}
          cleared={cleared}
          onChange={change}
          onSearch={(value, continued) => change({ search: value }, { replace: continued })}
        />
        {error && data && (
          <ProblemAlert error={error} title={t("list.stale")} onRetry={() => void refetch()} retrying={isFetching} />
        )}
        {content()}
        {range && items.length > 0 && (
          <ListPager search={search} page={data.meta.page} range={range} onChange={change} />
        )}
      </div>
      {dialogs}
    </Page>
  );
}
