import { Button, NativeSelect } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { type AuditSearch, auditDefaults, auditPeriods, isFiltered } from "../audit-search";
import { actions, isAboutKeys, isKnown, slashed } from "../sentence";
import { ActorFilter } from "./actor-filter";
import { DaysFilter } from "./days-filter";
import classes from "./filters.module.css";
import { KeyFilter } from "./key-filter";

interface AuditFiltersProps {
  search: AuditSearch;
  onChange: (next: AuditSearch, options?: { replace?: boolean }) => void;
}

/** Each filter adds an entry to the browser's history. All days typed for one custom period share its entry. */
export function AuditFilters({ search, onChange }: AuditFiltersProps) {
  const { t } = useTranslation();
  const { operator } = useSession();
  const offered: readonly string[] = operator.role === "admin" ? actions : actions.filter(isAboutKeys);
  // A link may name an action that isn't on offer.
  const listed = search.action === "" || offered.includes(search.action) ? offered : [...offered, search.action];
  const options = listed.map((action) => ({
    value: action,
    label: isKnown(action) ? t(`audit.action.${slashed(action)}`) : action,
  }));
  return (
    <search className={classes.filters} aria-label={t("audit.filter.label")}>
      <ActorFilter value={search.actor} onChange={(actor) => onChange({ ...search, actor })} />
      <KeyFilter value={search.key} onChange={(key) => onChange({ ...search, key })} />
      <NativeSelect
        className={classes.action}
        label={t("audit.filter.action")}
        value={search.action}
        data={[{ value: "", label: t("audit.filter.anyAction") }, ...options]}
        onChange={(event) => onChange({ ...search, action: event.currentTarget.value })}
      />
      <NativeSelect
        className={classes.period}
        label={t("audit.filter.period")}
        value={search.period}
        data={auditPeriods.map((period) => ({ value: period, label: t(`audit.period.${period}`) }))}
        onChange={(event) =>
          onChange({
            ...search,
            period: auditPeriods.find((period) => period === event.currentTarget.value) ?? "any",
            from: "",
            to: "",
          })
        }
      />
      {search.period === "custom" && (
        <DaysFilter
          from={search.from}
          to={search.to}
          onChange={(days) => onChange({ ...search, ...days }, { replace: true })}
        />
      )}
      {isFiltered(search) && (
        <Button
          className={classes.clear}
          variant="subtle"
          color="gray"
          leftSection={<IconX size={15} stroke={1.8} aria-hidden />}
          onClick={() => onChange(auditDefaults)}
        >
          {t("audit.filter.clear")}
        </Button>
      )}
    </search>
  );
}
