import { CloseButton, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./list.module.css";
import { SEARCH_LENGTH_MAX } from "./list-search";

const DEBOUNCE_MS = 250;

interface SearchFieldProps {
  /** The search in the URL. */
  value: string;
  /** Increases when the filters are cleared, which also discards text that was typed but not yet searched for. */
  cleared: number;
  /** `continued`: the operator is still typing the same search, so it needs no new entry in the browser's history. */
  onSearch: (value: string, continued: boolean) => void;
}

/** Searches while the operator types, whenever they pause. */
export function SearchField({ value, cleared, onSearch }: SearchFieldProps) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const typing = useRef(false);

  // Back and Forward change the URL from outside; the field follows.
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value;
      setText(value);
    }
  }, [value]);

  useEffect(() => {
    if (cleared > 0) setText("");
  }, [cleared]);

  useEffect(() => {
    const next = text.trim();
    if (next === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = next;
      onSearch(next, typing.current);
      typing.current = true;
    }, DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text, onSearch]);

  return (
    <TextInput
      className={classes.search}
      role="searchbox"
      aria-label={t("list.search")}
      placeholder={t("list.searchPlaceholder")}
      maxLength={SEARCH_LENGTH_MAX}
      value={text}
      leftSection={<IconSearch size={16} stroke={1.8} aria-hidden />}
      rightSection={
        text !== "" && <CloseButton size="sm" aria-label={t("list.clearSearch")} onClick={() => setText("")} />
      }
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => {
        typing.current = false;
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && text !== "") setText("");
      }}
    />
  );
}
