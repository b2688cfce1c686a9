import "@mantine/core/styles/InlineInput.layer.css";
import "@mantine/core/styles/Checkbox.layer.css";
import { Button, Checkbox, CloseButton, Skeleton, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useId, useMemo, useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { type Access, useScopeCatalogue } from "../api/scope-catalogue";
import { ScopeGroup } from "./scope-group";
import classes from "./scope-picker.module.css";
import { accessTypes, pickerGroups, searchGroups, unlistedScopes } from "./scope-selection";

interface ScopePickerProps {
  value: string[];
  onChange: (value: string[]) => void;
  error?: string | undefined;
}

const skeletons = ["a", "b", "c", "d", "e", "f", "g", "h"] as const;

/** Lets the operator choose scopes from the catalogue: a matrix of features and types of access, grouped by product. */
export function ScopePicker({ value, onChange, error }: ScopePickerProps) {
  const { t, language } = useTranslation();
  const { data, error: loadError, isFetching, refetch } = useScopeCatalogue();
  const [search, setSearch] = useState("");
  const errorId = useId();

  const groups = useMemo(() => (data ? pickerGroups(data) : []), [data]);
  const found = useMemo(() => searchGroups(groups, search, language), [groups, search, language]);
  const selected = useMemo(() => new Set(value), [value]);
  const unlisted = useMemo(() => (data ? unlistedScopes(groups, value) : []), [data, groups, value]);
  const accessLabels: Record<Access, string> = {
    admin: t("access.admin"),
    editor: t("access.editor"),
    readonly: t("access.readonly"),
  };

  return (
    <Card
      flush
      title={t("key.scopes")}
      description={t("form.scopes.description")}
      aside={
        <div className={classes.count}>
          <span aria-live="polite">{t("form.scopes.selected", { count: value.length })}</span>
          {value.length > 0 && (
            <Button variant="subtle" color="gray" size="compact-xs" onClick={() => onChange([])}>
              {t("form.scopes.clear")}
            </Button>
          )}
        </div>
      }
    >
      <div className={classes.tools}>
        <TextInput
          role="searchbox"
          aria-label={t("form.scopes.search")}
          placeholder={t("form.scopes.search")}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? errorId : undefined}
          leftSection={<IconSearch size={16} stroke={1.8} aria-hidden />}
          rightSection={
            search !== "" && <CloseButton size="sm" aria-label={t("list.clearSearch")} onClick={() => setSearch("")} />
          }
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") event.preventDefault();
          }}
        />
        {error && (
          <p id={errorId} className={classes.error}>
            {error}
          </p>
        )}
      </div>
      {loadError && !data && (
        <div className={classes.notice}>
          <ProblemAlert
            error={loadError}
            title={t("form.scopes.failed")}
            onRetry={() => void refetch()}
            retrying={isFetching}
          />
        </div>
      )}
      {!data && !loadError && (
        <div className={classes.notice} aria-hidden>
          {skeletons.map((id) => (
            <Skeleton key={id} height={14} my={20} />
          ))}
        </div>
      )}
      {data && (
        <div className={classes.matrix}>
          <div className={classes.heads} aria-hidden>
            <span>{t("form.scopes.feature")}</span>
            {accessTypes.map((access) => (
              <span key={access} className={classes.head}>
                {accessLabels[access]}
              </span>
            ))}
          </div>
          {found.map((group) => (
            <ScopeGroup
              key={group.product}
              group={group}
              language={language}
              accessLabels={accessLabels}
              selected={selected}
              value={value}
              onChange={onChange}
            />
          ))}
          {found.length === 0 && <p className={classes.nothing}>{t("form.scopes.noMatch", { search })}</p>}
          {unlisted.length > 0 && search === "" && (
            <fieldset className={classes.group}>
              <legend className={classes.unlistedTitle}>{t("form.scopes.unlisted")}</legend>
              {unlisted.map((scope) => (
                <Checkbox
                  key={scope}
                  className={classes.unlisted}
                  checked
                  label={<code>{scope}</code>}
                  onChange={() => onChange(value.filter((each) => each !== scope))}
                />
              ))}
            </fieldset>
          )}
        </div>
      )}
    </Card>
  );
}
