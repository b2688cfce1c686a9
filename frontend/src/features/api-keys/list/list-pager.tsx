import { Group, NativeSelect, Pagination } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/shared/i18n/use-format";
import type { ApiKeyPage } from "../api/api-key";
import classes from "./list.module.css";
import { type ListSearch, pageRange, pageSizes } from "./list-search";

interface ListPagerProps {
  search: ListSearch;
  meta: ApiKeyPage["meta"];
  onChange: (change: Partial<ListSearch>) => void;
}

export function ListPager({ search, meta, onChange }: ListPagerProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const range = pageRange(meta.page, meta.page_size, meta.total);
  const total = meta.total_capped ? `${format.number(meta.total)}+` : format.number(meta.total);
  // A shared link may ask for a size that isn't offered.
  const sizes = [...new Set<number>([...pageSizes, search.page_size])].sort((a, b) => a - b);
  const controlLabels: Record<string, string> = {
    previous: t("pager.previous"),
    next: t("pager.next"),
  };
  return (
    <nav className={classes.pager} aria-label={t("pager.label")}>
      <span className={classes.range}>
        {t("pager.range", { first: format.number(range.first), last: format.number(range.last), total })}
      </span>
      <Group gap="md">
        <Group gap={8}>
          <span className={classes.range} id="page-size-label">
            {t("pager.perPage")}
          </span>
          <NativeSelect
            className={classes.pageSize}
            size="xs"
            aria-labelledby="page-size-label"
            value={String(search.page_size)}
            data={sizes.map(String)}
            onChange={(event) => onChange({ page_size: Number(event.currentTarget.value) })}
          />
        </Group>
        {range.pages > 1 && (
          <Pagination
            size="sm"
            gap={4}
            total={range.pages}
            value={meta.page}
            siblings={1}
            onChange={(page) => onChange({ page })}
            getControlProps={(control) => ({ "aria-label": controlLabels[control] })}
            getItemProps={(page) => ({ "aria-label": t("pager.page", { page: format.number(page) }) })}
          />
        )}
      </Group>
    </nav>
  );
}
