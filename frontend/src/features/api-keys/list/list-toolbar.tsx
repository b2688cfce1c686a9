import { NativeSelect, SegmentedControl } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./list.module.css";
import { type ListSearch, ordersOf, sortFields, statusFilters } from "./list-search";
import { SearchField } from "./search-field";

interface ListToolbarProps {
  search: ListSearch;
  /** Whether to offer sorting here: cards have no column headers to sort by. */
  withSorting: boolean;
  /** See the search field's `cleared`. */
  cleared: number;
  onChange: (change: Partial<ListSearch>, options?: { replace?: boolean }) => void;
  onSearch: (value: string, continued: boolean) => void;
}

const sortings = sortFields.flatMap((field) =>
  ordersOf(field).map((order) => ({ field, order, value: `${field} ${order}` })),
);

export function ListToolbar({ search, withSorting, cleared, onChange, onSearch }: ListToolbarProps) {
  const { t } = useTranslation();
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
          value={`${search.sort_field} ${search.sort_order}`}
          data={sortings.map(({ field, order, value }) => ({ value, label: t(`list.sorting.${field}.${order}`) }))}
          onChange={(event) => {
            const chosen = sortings.find((known) => known.value === event.currentTarget.value);
            if (chosen) onChange({ sort_field: chosen.field, sort_order: chosen.order });
          }}
        />
      )}
    </search>
  );
}
