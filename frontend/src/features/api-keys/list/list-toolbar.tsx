import { NativeSelect, SegmentedControl } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./list.module.css";
import { type ListSearch, type SortField, sortFields, statusFilters } from "./list-search";
import { SearchField } from "./search-field";

interface ListToolbarProps {
  search: ListSearch;
  /** Cards have no column headers to sort by. */
  withSorting: boolean;
  /** As of the search field. */
  cleared: number;
  onChange: (change: Partial<ListSearch>, options?: { replace?: boolean }) => void;
  onSearch: (value: string, continued: boolean) => void;
}

export function ListToolbar({ search, withSorting, cleared, onChange, onSearch }: ListToolbarProps) {
  const { t } = useTranslation();
  const sortLabels: Record<SortField, string> = {
    name: t("list.sortByName"),
    created_at: t("list.sortByCreated"),
    last_used_at: t("list.sortByLastUsed"),
  };
  return (
    <search className={classes.toolbar} aria-label={t("list.filters")}>
      <SearchField value={search.search} cleared={cleared} onSearch={onSearch} />
      <SegmentedControl
        size="sm"
        aria-label={t("list.status")}
        value={search.status}
        onChange={(value) => onChange({ status: statusFilters.find((known) => known === value) ?? "all" })}
        data={statusFilters.map((value) => ({ value, label: t(`list.filter.${value}`) }))}
      />
      {withSorting && (
        <NativeSelect
          className={classes.sort}
          aria-label={t("list.sortBy")}
          value={search.sort_field}
          data={sortFields.map((value) => ({ value, label: sortLabels[value] }))}
          onChange={(event) => {
            const field = sortFields.find((known) => known === event.currentTarget.value);
            if (field) onChange({ sort_field: field, sort_order: field === "name" ? "ASC" : "DESC" });
          }}
        />
      )}
    </search>
  );
}
