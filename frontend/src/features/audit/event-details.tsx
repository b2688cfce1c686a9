import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
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

function DiffRow({ kind, change, onlyAfter }: { kind: string; change: Change; onlyAfter: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const before = memberLines(t, format, kind, change.member, change.before);
  const after = memberLines(t, format, kind, change.member, change.after);
  const lines = onlyAfter ? after.map((text): Line => ({ text, state: "same" })) : compareLists(before, after);
  return (
    <tr>
      <th scope="row">{memberLabel(t, change.member)}</th>
      {!onlyAfter && (
        <td>
          <Side lines={lines} state="before" />
        </td>
      )}
      <td>
        <Side lines={lines} state="after" />
      </td>
    </tr>
  );
}

/** What changed, member by member, and where the change came from. */
export function EventDetails({ event }: { event: Event }) {
  const { t } = useTranslation();
  const format = useFormat();
  const changes = changesOf(event);
  const onlyAfter = event.before === null;
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
        <div className={classes.diffFrame}>
          <table className={classes.diff} aria-label={t("audit.diff")}>
            <thead>
              <tr>
                <th scope="col">{t("audit.field")}</th>
                {!onlyAfter && <th scope="col">{t("audit.before")}</th>}
                <th scope="col">{onlyAfter ? t("audit.value.title") : t("audit.after")}</th>
              </tr>
            </thead>
            <tbody>
              {changes.map((change) => (
                <DiffRow key={change.member} kind={event.subject.kind} change={change} onlyAfter={onlyAfter} />
              ))}
            </tbody>
          </table>
        </div>
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
