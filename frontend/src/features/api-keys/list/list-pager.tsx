import { Group, NativeSelect } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import type { ReactNode } from "react";
import { type Format, useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./list.module.css";
import { type ListSearch, type PageRange, pageNumbers, pageSizes } from "./list-search";

interface ListPagerProps {
  search: ListSearch;
  /** The page being shown. */
  page: number;
  range: PageRange;
  onChange: (change: Partial<ListSearch>) => void;
}

interface PageLinkProps {
  search: ListSearch;
  page: number;
  pages: number;
  label: string;
  current?: boolean;
  children: ReactNode;
}

function PageLink({ search, page, pages, label, current = false, children }: PageLinkProps) {
  if (page < 1 || page > pages) {
    return (
      <span className={classes.page} data-disabled aria-hidden>
        {children}
      </span>
    );
  }
  return (
    <Link
      className={classes.page}
      to="/api-keys"
      search={{ ...search, page }}
      // The URL of the first page names no page, so without `exact` its link would count as the current one on every page.
      activeOptions={{ exact: true }}
      aria-label={label}
      aria-current={current ? "page" : undefined}
    >
      {children}
    </Link>
  );
}

/** "1–10 of 25" */
export function rangeText(t: TFunction, format: Format, range: PageRange): string {
  const total = range.more ? `${format.number(range.total)}+` : format.number(range.total);
  return t("pager.range", { first: format.number(range.first), last: format.number(range.last), total });
}

export function ListPager({ search, page: present, range, onChange }: ListPagerProps) {
  const { t } = useTranslation();
  const format = useFormat();
  // A shared link may ask for a size that isn't on offer.
  const sizes = [...new Set<number>([...pageSizes, search.page_size])].sort((a, b) => a - b);
  return (
    <nav className={classes.pager} aria-label={t("pager.label")}>
      <span className={classes.range}>{rangeText(t, format, range)}</span>
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
          <ul className={classes.pages}>
            <li>
              <PageLink search={search} page={present - 1} pages={range.pages} label={t("pager.previous")}>
                <IconChevronLeft size={16} stroke={1.8} aria-hidden />
              </PageLink>
            </li>
            {pageNumbers(present, range.pages).map((page, index, all) => (
              <li key={page}>
                {index > 0 && page - (all[index - 1] ?? page) > 1 && (
                  <span className={classes.gap} aria-hidden>
                    …
                  </span>
                )}
                <PageLink
                  search={search}
                  page={page}
                  pages={range.pages}
                  current={page === present}
                  label={t("pager.page", { page: format.number(page) })}
                >
                  {format.number(page)}
                </PageLink>
              </li>
            ))}
            <li>
              <PageLink search={search} page={present + 1} pages={range.pages} label={t("pager.next")}>
                <IconChevronRight size={16} stroke={1.8} aria-hidden />
              </PageLink>
            </li>
          </ul>
        )}
      </Group>
    </nav>
  );
}
