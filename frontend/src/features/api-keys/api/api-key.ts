import type { Schemas } from "@/shared/api/client";

export type ApiKey = Schemas["ApiKey"];
export type ApiKeyPage = Schemas["ApiKeyPage"];
export type ApiKeyStatus = Schemas["ApiKeyStatus"];
export type Lifespan = Schemas["TokenLifespan"];
export type SecretInfo = Schemas["SecretInfo"];

/** A key together with the version that a change to it is based on. */
export interface VersionedKey {
  key: ApiKey;
  /** Null when the service (or a proxy in front of it) sent none; a change is then sent unconditionally. */
  etag: string | null;
}

/** The header that makes the service refuse a change (412) when the key has changed since this version. */
export function ifMatch(etag: string | null): { "If-Match"?: string } {
  return etag === null ? {} : { "If-Match": etag };
}

/** A client secret fresh from the service. It lives in the state of the dialog that shows it, and nowhere else. */
export interface IssuedSecret {
  clientId: string;
  clientSecret: string;
  name: string;
}

/** The keys of the query cache: one entry per API key, and under `lists` everything that covers several. */
export const apiKeyQueryKeys = {
  lists: ["api-keys", "list"] as const,
  detail: (clientId: string) => ["api-keys", "detail", clientId] as const,
};

/** The secret without an end date; undefined when the service lists no secrets. */
export function currentSecret(key: ApiKey): SecretInfo | undefined {
  return key.secrets.find((secret) => secret.expires_at === null);
}

/** The secret that a rotation left working beside the current one; undefined when there is only one. */
export function oldSecret(key: ApiKey): SecretInfo | undefined {
  return key.secrets.find((secret) => secret.expires_at !== null);
}
