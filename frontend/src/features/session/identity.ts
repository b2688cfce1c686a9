import type { Schemas } from "@/shared/api/client";

/** Identifies an operator of a tenancy; null means that nobody is signed in. */
export type Identity = string | null;

export function identityOf({ tenancy, operator }: Schemas["Session"]): Identity {
  return `${tenancy.id} ${operator.id}`;
}

/** A browser's tabs share one cookie: signing in or out in one tab does so in all of them. */
const tabs = new BroadcastChannel("apikeys-identity");

/** Tells the other tabs whose session the browser has now. */
export function announceIdentity(identity: Identity): void {
  tabs.postMessage(identity);
}

/** Calls `listener` when another tab announces whose session the browser has. Returns a function that stops this. */
export function onIdentityAnnounced(listener: (identity: Identity) => void): () => void {
  const hear = ({ data }: MessageEvent<Identity>) => listener(data);
  tabs.addEventListener("message", hear);
  return () => tabs.removeEventListener("message", hear);
}
