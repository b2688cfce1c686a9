import type { ApiKey, SecretInfo } from "@/features/api-keys/api/api-key";
import type { ScopeCatalogue } from "@/features/api-keys/api/scope-catalogue";
import type { Event } from "@/features/audit/api/event";
import type { Operator } from "@/features/operators/api/operators";
import type { Session } from "@/features/session/session-query";

export function apiKey(override: Partial<ApiKey> = {}): ApiKey {
  return {
    client_id: "ak_EXAMPLE",
    name: "ERP integration",
    description: "Reads workspaces",
    scopes: ["lighthouse.workspaces:readonly"],
    token_lifespan: { value: 1, unit: "hours" },
    rate_limit: null,
    status: "active",
    created_at: "2026-11-20T12:00:00Z",
    created_by: "admin@example.com",
    updated_at: "2026-11-20T12:00:00Z",
    last_used_at: null,
    secrets: [],
    ...override,
  };
}

/** A secret that a rotation left working until `expiresAt`, or the current one when that is null. */
export function secret(id: string, expiresAt: string | null): SecretInfo {
  return {
    id,
    last_four: id.slice(-4),
    created_at: "2026-11-20T12:00:00Z",
    expires_at: expiresAt,
    last_used_at: null,
    last_used_ip: null,
  };
}

export function operator(override: Partial<Operator> = {}): Operator {
  return {
    id: "op_EXAMPLE",
    email: "eva@example.com",
    role: "editor",
    sign_in_method: "password",
    status: "active",
    created_at: "2026-11-20T12:00:00Z",
    updated_at: "2026-11-20T12:00:00Z",
    invitation_expires_at: null,
    ...override,
  };
}

/** An entry of the audit log. */
export function event(override: Partial<Event> = {}): Event {
  return {
    seq: 7,
    at: "2026-11-23T12:00:00Z",
    action: "api-key.updated",
    actor: { kind: "operator", id: "op-1", name: "ana@example.com" },
    ip: "192.0.2.1",
    user_agent: "",
    request_id: "",
    subject: { kind: "api-key", id: "ak_EXAMPLE" },
    before: null,
    after: null,
    hash: "",
    ...override,
  };
}

/** An administrator's session. */
export const session: Session = {
  operator: { id: "op_EXAMPLE", email: "admin@example.com", role: "admin", sign_in_method: "password" },
  tenancy: { id: "tenancy_EXAMPLE", name: "Example" },
  expires_at: "2036-11-20T12:00:00Z",
};

export const catalogue: ScopeCatalogue = {
  products: [
    {
      name: "lighthouse",
      label: { en: "Lighthouse", "pt-BR": "Lighthouse" },
      scopes: [{ scope: "lighthouse:admin", access: "admin" }],
      features: [
        {
          name: "workspaces",
          label: { en: "Workspaces", "pt-BR": "Workspaces" },
          scopes: [
            { scope: "lighthouse.workspaces:editor", access: "editor" },
            { scope: "lighthouse.workspaces:readonly", access: "readonly" },
          ],
        },
        {
          name: "forecast",
          label: { en: "Forecast", "pt-BR": "Previsão" },
          scopes: [
            { scope: "lighthouse.forecast:editor", access: "editor" },
            { scope: "lighthouse.forecast:readonly", access: "readonly" },
          ],
        },
      ],
    },
    {
      name: "cca",
      label: { en: "CCA", "pt-BR": "CCA" },
      scopes: [
        { scope: "cca:admin", access: "admin" },
        { scope: "cca:readonly", access: "readonly" },
      ],
      features: [],
    },
  ],
};
