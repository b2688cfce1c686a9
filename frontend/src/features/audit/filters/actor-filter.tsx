import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId } from "react";
import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { operatorNamesQuery } from "../api/names";
import classes from "./filters.module.css";
import { useTyped } from "./use-typed";

/** Filters by actor: an email address or a client ID, applied on Enter and when the field loses the focus. */
export function ActorFilter({ value, onChange }: { value: string; onChange: (actor: string) => void }) {
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
