import "@mantine/core/styles/Combobox.layer.css";
import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { apiKeysQuery } from "@/features/api-keys/api/list-api-keys";
import { listDefaults } from "@/features/api-keys/list/list-search";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./filters.module.css";

const SEARCH_DEBOUNCE_MS = 200;

/** The keys whose name contains a text, and the key with that client ID. */
function keysQuery(search: string) {
  return apiKeysQuery({ ...listDefaults, search, page_size: 25, sort_field: "name", sort_order: "ASC" });
}

export function KeyFilter({ value, onChange }: { value: string; onChange: (clientId: string) => void }) {
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
      nothingFoundMessage={found.isSuccess && !found.isPlaceholderData ? t("audit.filter.noKey") : undefined}
      error={found.isError && t("audit.filter.keysFailed")}
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
