import {
  IconAlertTriangle,
  IconArchive,
  IconBan,
  IconBuilding,
  IconChevronDown,
  IconCircleCheck,
  IconCircleOff,
  IconClock,
  IconHistory,
  IconKey,
  IconLink,
  IconLogin,
  IconLogout,
  IconPencil,
  IconPlus,
  IconRefresh,
  IconSignature,
  IconTrash,
  IconUserCheck,
  IconUserCog,
  IconUserEdit,
  IconUserPlus,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ComponentType, useId, useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { RelativeTime } from "@/shared/ui/relative-time";
import type { Event } from "./api/event";
import type { Names } from "./api/names";
import { EventDetails } from "./event-details";
import classes from "./event-list.module.css";
import { isKnown, type KnownAction, plainSentence, sentence } from "./sentence";

type Tone = "good" | "warn" | "bad" | "plain";

interface Look {
  icon: ComponentType<{ size: number; stroke: number }>;
  tone: Tone;
}

const looks: Record<KnownAction, Look> = {
  "api-key.created": { icon: IconPlus, tone: "good" },
  "api-key.updated": { icon: IconPencil, tone: "plain" },
  "api-key.activated": { icon: IconCircleCheck, tone: "good" },
  "api-key.deactivated": { icon: IconCircleOff, tone: "warn" },
  "api-key.deleted": { icon: IconTrash, tone: "bad" },
  "api-key.secret-rotated": { icon: IconRefresh, tone: "plain" },
  "api-key.secret-retired": { icon: IconBan, tone: "warn" },
  "api-key.secret-expired": { icon: IconClock, tone: "plain" },
  "api-key.grace-changed": { icon: IconClock, tone: "plain" },
  "api-key.rotation-cancelled": { icon: IconRefresh, tone: "warn" },
  "api-key.tokens-revoked": { icon: IconBan, tone: "bad" },
  "token.revoked": { icon: IconBan, tone: "warn" },
  "operator.created": { icon: IconUserPlus, tone: "good" },
  "operator.invited": { icon: IconUserPlus, tone: "good" },
  "operator.updated": { icon: IconUserEdit, tone: "plain" },
  "operator.link-created": { icon: IconLink, tone: "plain" },
  "operator.sessions-ended": { icon: IconLogout, tone: "warn" },
  "operator.deleted": { icon: IconTrash, tone: "bad" },
  "operator.password-set": { icon: IconKey, tone: "plain" },
  "operator.signed-in": { icon: IconLogin, tone: "plain" },
  "operator.signed-out": { icon: IconLogout, tone: "plain" },
  "operator.sign-in-failed": { icon: IconAlertTriangle, tone: "bad" },
  "operator.sign-in-refused": { icon: IconAlertTriangle, tone: "bad" },
  "operator.linked": { icon: IconUserCheck, tone: "plain" },
  "operator.role-synced": { icon: IconUserCog, tone: "plain" },
  "signing-key.created": { icon: IconSignature, tone: "plain" },
  "signing-key.resealed": { icon: IconSignature, tone: "plain" },
  "signing-key.revoked": { icon: IconBan, tone: "bad" },
  "tenancy.created": { icon: IconBuilding, tone: "good" },
  "log.pruned": { icon: IconArchive, tone: "warn" },
  "log.restored": { icon: IconArchive, tone: "bad" },
};

/** For an action that the console doesn't know. */
const unknownLook: Look = { icon: IconHistory, tone: "plain" };

interface EventRowProps {
  event: Event;
  names: Names;
  /** Whether a key's name links to its page; not on that page itself. */
  linked: boolean;
}

export function EventRow({ event, names, linked }: EventRowProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const detailsId = useId();
  const pieces = sentence(t, event, names);
  const { icon: Icon, tone } = isKnown(event.action) ? looks[event.action] : unknownLook;
  const gone = event.action === "api-key.deleted";
  return (
    <li className={classes.event}>
      <div className={classes.line}>
        <span className={classes.icon} data-tone={tone} aria-hidden>
          <Icon size={15} stroke={1.8} />
        </span>
        <div className={classes.what}>
          <p className={classes.sentence}>
            {pieces.map((piece, index) => {
              const key = `${index}${piece.kind}`;
              if (piece.kind === "text") return <span key={key}>{piece.text}</span>;
              if (piece.kind === "subject" && piece.clientId && linked && !gone) {
                return (
                  <Link
                    key={key}
                    className={classes.subject}
                    to="/api-keys/$clientId"
                    params={{ clientId: piece.clientId }}
                    search={{}}
                  >
                    {piece.text}
                  </Link>
                );
              }
              return <strong key={key}>{piece.text}</strong>;
            })}
          </p>
          <p className={classes.meta}>
            <RelativeTime at={event.at} />
            {event.ip !== "" && <code>{event.ip}</code>}
            <span className={classes.action}>{event.action}</span>
          </p>
        </div>
        <button
          type="button"
          className={classes.toggle}
          data-reach="around"
          aria-expanded={open}
          aria-controls={detailsId}
          aria-label={t("audit.details", { sentence: plainSentence(pieces) })}
          onClick={() => setOpen(!open)}
        >
          <IconChevronDown size={16} stroke={1.8} aria-hidden />
        </button>
      </div>
      <div id={detailsId}>{open && <EventDetails event={event} />}</div>
    </li>
  );
}
