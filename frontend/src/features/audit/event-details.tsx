import type { ReactNode } from "react";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Comparison } from "@/shared/ui/comparison";
import type { Event } from "./api/event";
import { type Change, changesOf, compareLists, type Line } from "./diff";
import classes from "./event-list.module.css";
import { memberLabel, memberLines } from "./member-value";

function Side({ lines, state }: { lines: Line[]; state: "before" | "after" }) {
  const { t } = useTranslation();
  const shown = lines.filter((line) => line.state !== (state === "before" ? "added" : "removed"));
  if (shown.length === 0) return <span className={classes.nothing}>–</span>;
  return (
    <ul className={classes.lines}>
      {shown.map((line) => (
        <li key={line.text} data-state={line.state}>
          {line.state === "removed" && <del title={t("audit.removed")}>{line.text}</del>}
          {line.state === "added" && <ins title={t("audit.added")}>{line.text}</ins>}
          {line.state === "same" && line.text}
        </li>
      ))}
    </ul>
  );
}

/** What changed, member by member, and where the change came from. */
export function EventDetails({ event }: { event: Event }) {
  const { t } = useTranslation();
  const format = useFormat();
  const changes = changesOf(event);
  const onlyAfter = event.before === null;

  function valuesOf({ member, before, after }: Change): ReactNode[] {
    const old = memberLines(t, format, event.subject.kind, member, before);
    const present = memberLines(t, format, event.subject.kind, member, after);
    if (onlyAfter) return [<Side key="after" lines={compareLists(present, present)} state="after" />];
    const lines = compareLists(old, present);
    return [<Side key="before" lines={lines} state="before" />, <Side key="after" lines={lines} state="after" />];
  }

  const origin = [
    { label: t("audit.origin.time"), value: format.dateTime(event.at), code: false },
    { label: t("audit.origin.address"), value: event.ip, code: true },
    { label: t("audit.origin.requestId"), value: event.request_id, code: true },
    { label: t("audit.origin.userAgent"), value: event.user_agent, code: false },
    { label: t("audit.origin.actorId"), value: event.actor.id, code: true },
    { label: t("audit.origin.subjectId"), value: event.subject.id, code: true },
    { label: t("audit.origin.position"), value: format.number(event.seq), code: false },
    { label: t("audit.origin.hash"), value: event.hash, code: true },
  ].filter((each) => each.value !== "");
  return (
    <div className={classes.details}>
      {changes.length > 0 && (
        <Comparison
          label={t("audit.diff")}
          head={t("audit.field")}
          sides={onlyAfter ? [t("audit.value.title")] : [t("audit.before"), t("audit.after")]}
          rows={changes.map((change) => ({ field: memberLabel(t, change.member), values: valuesOf(change) }))}
        />
      )}
      <dl className={classes.origin}>
        {origin.map(({ label, value, code }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{code ? <code>{value}</code> : value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
