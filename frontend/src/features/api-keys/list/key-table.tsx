import { VisuallyHidden } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconSelector } from "@tabler/icons-react";
import { memo, type ReactNode, useRef } from "react";
import type { UsagePoint } from "@/features/usage/api/key-usage";
import { Sparkline } from "@/features/usage/chart/sparkline";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { CopyButton } from "@/shared/ui/copy-button";
import table from "@/shared/ui/data-table.module.css";
import { KeyLink } from "@/shared/ui/key-link";
import { LastUsed } from "@/shared/ui/last-used";
import type { KeyActions } from "../actions/key-actions";
import { KeyMenu } from "../actions/key-menu";
import type { ApiKey } from "../api/api-key";
import { formatLifespan } from "../parts/lifespan";
import { ScopeChips } from "../parts/scope-chips";
import { StatusBadge } from "../parts/status-badge";
import classes from "./list.module.css";
import type { ListSearch, SortField } from "./list-search";
import { RotationNote } from "./rotation-note";

interface KeyTableProps {
  search: ListSearch;
  onSort: (field: SortField) => void;
  busy: boolean;
  children: ReactNode;
}

interface SortableProps {
  field: SortField;
  label: string;
  search: ListSearch;
  onSort: (field: SortField) => void;
}

function Sortable({ field, label, search, onSort }: SortableProps) {
  const sorted = search.sort_field === field;
  const Icon = sorted ? (search.sort_order === "ASC" ? IconArrowUp : IconArrowDown) : IconSelector;
  return (
    <th scope="col" aria-sort={sorted ? (search.sort_order === "ASC" ? "ascending" : "descending") : "none"}>
      <button
        type="button"
        className={classes.sortable}
        data-reach="height"
        data-sorted={sorted}
        onClick={() => onSort(field)}
      >
        {label}
        <Icon size={14} stroke={2} aria-hidden />
      </button>
    </th>
  );
}

/** The table's frame; rows and skeletons share its columns, so nothing moves when the keys arrive. */
export function KeyTable({ search, onSort, busy, children }: KeyTableProps) {
  const { t } = useTranslation();
  return (
    <div className={classes.tableFrame}>
      <table className={table.table} aria-label={t("list.title")} aria-busy={busy}>
        <colgroup>
          <col className={classes.colName} />
          <col className={classes.colScopes} />
          <col className={classes.colLifespan} />
          <col className={classes.colStatus} />
          <col className={classes.colTime} />
          <col className={classes.colTime} />
          <col className={classes.colMenu} />
        </colgroup>
        <thead>
          <tr>
            <Sortable field="name" label={t("key.name")} search={search} onSort={onSort} />
            <th scope="col">{t("key.scopes")}</th>
            <th scope="col">{t("list.lifespan")}</th>
            <th scope="col">{t("key.status")}</th>
            <Sortable field="last_used_at" label={t("key.lastUsed")} search={search} onSort={onSort} />
            <Sortable field="created_at" label={t("key.created")} search={search} onSort={onSort} />
            <th scope="col">
              <VisuallyHidden>{t("list.actions")}</VisuallyHidden>
            </th>
          </tr>
        </thead>
        {/* The headers stay legible and usable while the rows are loading. */}
        <tbody data-busy={busy}>{children}</tbody>
      </table>
    </div>
  );
}

interface KeyRowProps {
  apiKey: ApiKey;
  /** Usage over the last 24 hours; undefined until known. */
  usage: UsagePoint[] | undefined;
  actions: KeyActions;
}

/** A row. There may be a hundred, so a row is rendered again only when its key or its usage changes. */
export const KeyRow = memo(function KeyRow({ apiKey, usage, actions }: KeyRowProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const clientIdRef = useRef<HTMLElement>(null);
  return (
    <tr>
      <th scope="row" className={classes.nameCell}>
        <KeyLink clientId={apiKey.client_id} name={apiKey.name} />
        <span className={classes.clientId}>
          <code ref={clientIdRef}>{apiKey.client_id}</code>
          <CopyButton
            className={classes.copy}
            value={apiKey.client_id}
            label={t("clientId.copy", { name: apiKey.name })}
            target={clientIdRef}
          />
        </span>
      </th>
      <td>
        <ScopeChips scopes={apiKey.scopes} />
      </td>
      <td className={classes.number}>{formatLifespan(t, apiKey.token_lifespan)}</td>
      <td>
        <StatusBadge status={apiKey.status} />
        <RotationNote apiKey={apiKey} />
      </td>
      <td>
        <LastUsed at={apiKey.last_used_at} />
        {apiKey.last_used_at !== null && <Sparkline points={usage} />}
      </td>
      <td className={classes.number}>
        <time dateTime={apiKey.created_at} title={format.dateTime(apiKey.created_at)}>
          {format.date(apiKey.created_at)}
        </time>
      </td>
      <td className={table.menuCell}>
        <KeyMenu apiKey={apiKey} actions={actions} clientIdRef={clientIdRef} />
      </td>
    </tr>
  );
});
