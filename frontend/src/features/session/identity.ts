import type { Schemas } from "@/shared/api/client";

/** An operator of a tenancy, as apart from any other; null is nobody. */
export type Identity = string | null;

export function identityOf({ tenancy, operator }: Schemas["Session"]): Identity {
  return `${tenancy.id} ${operator.id}`;
}

/** The tabs of a browser share one cookie: whoever signs in or out at one of them does so at all of them. */
const tabs = new BroadcastChannel("apikeys-identity");

/** Tells the other tabs whose session the browser has now. */
export function announceIdentity(identity: Identity): void {
  tabs.postMessage(identity);
}

/** Calls `listener` when another tab tells whose session the browser has; returns what ends that. */
export function onIdentityAnnounced(listener: (identity: Identity) => void): () => void {
  const hear = ({ data }: MessageEvent<Identity>) => listener(data);
  tabs.addEventListener("message", hear);
  return () => tabs.removeEventListener("message", hear);
}
