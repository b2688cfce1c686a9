import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { useAnnouncement } from "@/shared/ui/use-announcement";
import { eventsQuery } from "./api/event";
import { type Names, operatorNamesQuery } from "./api/names";
import type { AuditSearch } from "./audit-search";
import classes from "./event-list.module.css";
import { EventRow } from "./event-row";

/** The names of keys and, for those who may see them, of operators. */
function useNames(keyNames: Names | undefined): Names {
  const { operator } = useSession();
  const operators = useQuery({ ...operatorNamesQuery, enabled: operator.role === "admin" });
  return new Map([...(keyNames ?? []), ...(operators.data ?? [])]);
}

interface EventListProps {
  search: AuditSearch;
  /** The names of keys, once known; other keys appear by their client IDs. */
  keyNames: Names | undefined;
  linked?: boolean;
  /** Shown when no event matches. */
  empty: ReactNode;
}

const skeletons = ["a", "b", "c", "d", "e", "f"] as const;

/** The matching events, newest first; more are loaded on demand. */
export function EventList({ search, keyNames, linked = true, empty }: EventListProps) {
  const { t } = useTranslation();
  const names = useNames(keyNames);
  const query = useInfiniteQuery(eventsQuery(search));
  const events = query.data?.pages.flatMap((page) => page.items) ?? [];
  const settled = query.data !== undefined && !query.isPlaceholderData;
  const more = settled && query.hasNextPage;

  const found = more ? t("audit.foundMore", { shown: events.length }) : t("audit.found", { count: events.length });
  useAnnouncement(JSON.stringify([search, query.data?.pages.length]), settled ? found : undefined);

  if (query.error && !query.data) {
    return (
      <div className={classes.problem}>
        <ProblemAlert
          error={query.error}
          title={t("audit.failed")}
          onRetry={() => void query.refetch()}
          retrying={query.isFetching}
        />
      </div>
    );
  }
  if (query.data && events.length === 0) return empty;
  return (
    <>
      <ol
        className={classes.events}
        aria-label={t("audit.events")}
        aria-busy={query.isPending || query.isPlaceholderData}
        data-busy={query.isPlaceholderData}
      >
        {query.isPending
          ? skeletons.map((id) => (
              <li key={id} className={classes.event} aria-hidden>
                <div className={classes.line}>
                  <Skeleton circle height={28} />
                  <div className={classes.what}>
                    <Skeleton height={12} width="62%" mt={4} />
                    <Skeleton height={9} width="34%" mt={11} />
                  </div>
                </div>
              </li>
            ))
          : events.map((event) => <EventRow key={event.seq} event={event} names={names} linked={linked} />)}
      </ol>
      {query.error && (
        <div className={classes.problem}>
          <ProblemAlert
            error={query.error}
            title={query.isFetchNextPageError ? t("audit.moreFailed") : t("audit.stale")}
            onRetry={() => void (query.isFetchNextPageError ? query.fetchNextPage() : query.refetch())}
            retrying={query.isFetching}
          />
        </div>
      )}
      {more && (
        <div className={classes.more}>
          <Button
            variant="default"
            size="xs"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {t("audit.more")}
          </Button>
        </div>
      )}
    </>
  );
}
