import "@mantine/core/styles/Combobox.layer.css";
import { Button, NativeSelect, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { apiKeysQuery } from "@/features/api-keys/api/list-api-keys";
import { listDefaults } from "@/features/api-keys/list/list-search";
import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { operatorNamesQuery } from "./api/names";
import classes from "./audit.module.css";
import { type AuditSearch, auditDefaults, auditPeriods, isDay, isFiltered } from "./audit-search";
import { actions, isAboutKeys, isKnown, slashed } from "./sentence";

interface AuditFiltersProps {
  search: AuditSearch;
  onChange: (next: AuditSearch, options?: { replace?: boolean }) => void;
}

const SEARCH_DEBOUNCE_MS = 200;

/** The keys whose name contains a text, and the key with that client ID. */
function keysQuery(search: string) {
  return apiKeysQuery({ ...listDefaults, search, page_size: 25, sort_field: "name", sort_order: "ASC" });
}

function KeyFilter({ value, onChange }: { value: string; onChange: (clientId: string) => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const chosen = useQuery({ ...keysQuery(value), enabled: value !== "" });
  // A link may name a key that was deleted.
  const label = chosen.data?.items.find((key) => key.client_id === value)?.name ?? value;
  // The label of the chosen key is not something to search for.
  const [searched] = useDebouncedValue(typed === label ? "" : typed.trim(), SEARCH_DEBOUNCE_MS);
  const found = useQuery(keysQuery(searched));
  const options = (found.data?.items ?? []).map((key) => ({ value: key.client_id, label: key.name }));
  const present = value === "" || options.some((option) => option.value === value);
  return (
    <Select
      className={classes.key}
      label={t("audit.filter.key")}
      placeholder={t("audit.filter.anyKey")}
      searchable
      clearable
      clearButtonProps={{ "aria-label": t("audit.filter.clearKey") }}
      data={present ? options : [{ value, label }, ...options]}
      filter={({ options: all }) => all}
      nothingFoundMessage={t("audit.filter.noKey")}
      value={value === "" ? null : value}
      onSearchChange={setTyped}
      onChange={(chosenId) => onChange(chosenId ?? "")}
      comboboxProps={{ shadow: "md" }}
      // The list scrolls by itself; a scroll area around it would be an unnamed stop for keyboard users.
      withScrollArea={false}
      classNames={{ options: classes.options }}
    />
  );
}

/** Input that hasn't been applied yet. When the URL's value changes, as it does after Back, that value replaces it. */
function useTyped<Value>(value: Value, same: (a: Value, b: Value) => boolean = Object.is) {
  const [typed, setTyped] = useState(value);
  const [applied, setApplied] = useState(value);
  if (!same(value, applied)) {
    setApplied(value);
    setTyped(value);
  }
  return [typed, setTyped] as const;
}

/** Filters by actor: an email address or a client ID, applied on Enter and when the field loses the focus. */
function ActorFilter({ value, onChange }: { value: string; onChange: (actor: string) => void }) {
  const { t } = useTranslation();
  const { operator } = useSession();
  const operators = useQuery({ ...operatorNamesQuery, enabled: operator.role === "admin" });
  const [typed, setTyped] = useTyped(value);
  const listId = useId();

  function apply(text: string) {
    if (text.trim() !== value) onChange(text.trim());
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    apply(typed);
  }

  return (
    <form className={classes.actor} onSubmit={submit}>
      <TextInput
        label={t("audit.filter.actor")}
        placeholder={t("audit.filter.actorPlaceholder")}
        type="search"
        spellCheck={false}
        autoComplete="off"
        list={listId}
        value={typed}
        onChange={(event) => {
          const text = event.currentTarget.value;
          setTyped(text);
          // The text was chosen from the suggestions or cleared, so there is nothing more to type.
          if (text === "" || [...(operators.data?.values() ?? [])].includes(text)) apply(text);
        }}
        onBlur={() => apply(typed)}
      />
      <datalist id={listId}>
        {[...(operators.data?.values() ?? [])].map((email) => (
          <option key={email} value={email} />
        ))}
      </datalist>
    </form>
  );
}

interface Days {
  from: string;
  to: string;
}

function sameDays(a: Days, b: Days): boolean {
  return a.from === b.from && a.to === b.to;
}

function reversed({ from, to }: Days): boolean {
  return isDay(from) && isDay(to) && to < from;
}

/**
 * The first and the last day. While a day is being typed it passes through years such as 0002, so it is applied once it is
 * plausible or the field loses the focus. While the last day is before the first, neither is applied, so that neither is lost
 * on the way to a valid pair.
 */
function DaysFilter({ from, to, onChange }: Days & { onChange: (days: Days) => void }) {
  const { t } = useTranslation();
  const problemId = useId();
  const [typed, setTyped] = useTyped({ from, to }, sameDays);
  const invalid = reversed(typed);

  function apply(days: Days) {
    if (!reversed(days) && !sameDays(days, { from, to })) onChange(days);
  }

  function type(end: keyof Days, day: string) {
    const days = { ...typed, [end]: day };
    setTyped(days);
    if (isDay(day)) apply(days);
  }

  function leave() {
    const days = { from: isDay(typed.from) ? typed.from : "", to: isDay(typed.to) ? typed.to : "" };
    setTyped(days);
    apply(days);
  }

  const field = {
    className: classes.day,
    type: "date",
    error: invalid,
    "aria-errormessage": invalid ? problemId : undefined,
    onBlur: leave,
  };
  return (
    <>
      <TextInput
        {...field}
        label={t("audit.filter.from")}
        value={typed.from}
        max={typed.to || undefined}
        onChange={(event) => type("from", event.currentTarget.value)}
      />
      <TextInput
        {...field}
        label={t("audit.filter.to")}
        value={typed.to}
        min={typed.from || undefined}
        onChange={(event) => type("to", event.currentTarget.value)}
      />
      {invalid && (
        <p className={classes.reversed} id={problemId} role="alert">
          {t("audit.filter.reversed")}
        </p>
      )}
    </>
  );
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
