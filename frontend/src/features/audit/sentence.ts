import type { TFunction } from "i18next";
import type { Event } from "./api/event";
import type { Names } from "./api/names";

/**
 * The actions that have a sentence. The locale files hold one entry for each, under its name with a
 * slash in place of the dot.
 */
export const actions = [
  "api-key.created",
  "api-key.updated",
  "api-key.activated",
  "api-key.deactivated",
  "api-key.deleted",
  "api-key.secret-rotated",
  "api-key.secret-retired",
  "api-key.secret-expired",
  "api-key.grace-changed",
  "api-key.rotation-cancelled",
  "api-key.tokens-revoked",
  "token.revoked",
  "operator.created",
  "operator.invited",
  "operator.updated",
  "operator.link-created",
  "operator.password-set",
  "operator.sessions-ended",
  "operator.deleted",
  "operator.signed-in",
  "operator.signed-out",
  "operator.sign-in-failed",
  "operator.sign-in-refused",
  "operator.linked",
  "operator.role-synced",
  "signing-key.created",
  "signing-key.resealed",
  "signing-key.revoked",
  "tenancy.created",
  "log.pruned",
  "log.restored",
] as const;

export type KnownAction = (typeof actions)[number];
type Slashed<Text extends string> = Text extends `${infer Kind}.${infer What}` ? `${Kind}/${What}` : never;

export function isKnown(action: string): action is KnownAction {
  return actions.some((known) => known === action);
}

/** Whether the action concerns an API key. Operators who aren't admins see no other events. */
export function isAboutKeys(action: string): boolean {
  return action.startsWith("api-key.") || action.startsWith("token.");
}

/** The name of an action's entry in the locale files, where a dot would separate levels. */
export function slashed(action: KnownAction): Slashed<KnownAction> {
  return action.replace(".", "/") as Slashed<KnownAction>;
}

/** A part of a sentence: words, the actor, or the subject. */
export type Piece =
  | { kind: "text"; text: string }
  | { kind: "actor"; text: string }
  | { kind: "subject"; text: string; clientId?: string };

// Names may contain anything, so the translated text holds these private-use characters in their place
// until it has been split.
const ACTOR = "\uE000";
const SUBJECT = "\uE001";

function memberText(event: Event, member: string): string | undefined {
  const value = event.after?.[member] ?? event.before?.[member];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function actorText(t: TFunction, event: Event, names: Names): string {
  const { kind, id, name } = event.actor;
  if (kind === "system")
    return id === "" || id === "serve" ? t("audit.actor.service") : t("audit.actor.command", { name: id });
  if (kind === "stranger") return t("audit.actor.stranger");
  if (kind === "api-key") return names.get(id) ?? (name || id);
  return name || names.get(id) || id || t("audit.actor.stranger");
}

function subjectText(event: Event, names: Names): string {
  const { kind, id } = event.subject;
  if (kind === "operator") {
    const own = event.actor.id === id && id !== "" ? event.actor.name : undefined;
    return memberText(event, "email") ?? names.get(id) ?? own ?? id;
  }
  if (kind === "api-key") return names.get(id) ?? memberText(event, "name") ?? id;
  if (kind === "tenancy") return memberText(event, "name") ?? id;
  return id;
}

/** The reasons for which a sign-in with the provider is refused. */
const reasons = ["deactivated", "email-taken", "email-unverified", "no-role"] as const;

export function reasonText(t: TFunction, reason: unknown): string {
  const known = reasons.find((each) => each === reason);
  return known ? t(`audit.reason.${known}`) : String(reason ?? "");
}

function template(t: TFunction, event: Event): string {
  const marks = { actor: ACTOR, subject: SUBJECT };
  if (!isKnown(event.action)) return t("audit.event.unknown", { ...marks, action: event.action });
  const attempts = event.after?.attempts;
  if (event.action === "operator.sign-in-failed") {
    const count = typeof attempts === "number" ? attempts : 1;
    return event.subject.id === ""
      ? t("audit.event.unknownAccount", { ...marks, count })
      : t("audit.event.operator/sign-in-failed", { ...marks, count });
  }
  const own = event.actor.id === event.subject.id;
  if (event.action === "operator.sign-in-refused") {
    const reason = reasonText(t, event.after?.reason);
    return memberText(event, "email") === undefined
      ? t("audit.event.refusedUnknown", { ...marks, reason })
      : t("audit.event.operator/sign-in-refused", { ...marks, reason });
  }
  if (event.action === "operator.signed-in" && event.after?.method === "oidc") {
    return t("audit.event.signedInWithProvider", marks);
  }
  if (event.action === "operator.created" && own) return t("audit.event.firstSignIn", marks);
  if (event.action === "operator.password-set" && own) return t("audit.event.ownPassword", marks);
  return t(`audit.event.${slashed(event.action)}`, marks);
}

/** What happened, as a sentence in the operator's language. */
export function sentence(t: TFunction, event: Event, names: Names): Piece[] {
  const clientId = event.subject.kind === "api-key" && event.subject.id !== "" ? event.subject.id : undefined;
  return template(t, event)
    .split(/([\uE000\uE001])/)
    .filter((part) => part !== "")
    .map((part): Piece => {
      if (part === ACTOR) return { kind: "actor", text: actorText(t, event, names) };
      if (part === SUBJECT) {
        return { kind: "subject", text: subjectText(event, names), ...(clientId !== undefined && { clientId }) };
      }
      return { kind: "text", text: part };
    });
}

export function plainSentence(pieces: Piece[]): string {
  return pieces.map((piece) => piece.text).join("");
}
