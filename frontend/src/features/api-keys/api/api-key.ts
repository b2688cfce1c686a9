import type { Schemas } from "@/shared/api/client";

export type ApiKey = Schemas["ApiKey"];
export type ApiKeyPage = Schemas["ApiKeyPage"];
export type ApiKeyStatus = Schemas["ApiKeyStatus"];
export type Lifespan = Schemas["TokenLifespan"];
export type SecretInfo = Schemas["SecretInfo"];

/** A key with the version that a change of it is based on. */
export interface VersionedKey {
  key: ApiKey;
  /** Null when the service (or a proxy before it) sent none; a change then goes out unconditionally. */
  etag: string | null;
}

/** A client secret fresh from the service. It lives in the state of the dialog that shows it, and nowhere else. */
export interface IssuedSecret {
  clientId: string;
  clientSecret: string;
  name: string;
}

/** The query cache's entries: one for each key, and below `lists` whatever tells of several. */
export const apiKeyQueryKeys = {
  lists: ["api-keys", "list"] as const,
  detail: (clientId: string) => ["api-keys", "detail", clientId] as const,
};

/** The secret that stays; undefined where the service says nothing of secrets. */
export function currentSecret(key: ApiKey): SecretInfo | undefined {
  return key.secrets.find((secret) => secret.expires_at === null);
}

/** The secret that a rotation left working beside the current one; undefined when there is only one. */
export function oldSecret(key: ApiKey): SecretInfo | undefined {
  return key.secrets.find((secret) => secret.expires_at !== null);
}
