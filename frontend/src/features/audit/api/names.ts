import { queryOptions } from "@tanstack/react-query";
import type { ApiKeyPage } from "@/features/api-keys/api/api-key";
import { apiKeysQuery } from "@/features/api-keys/api/list-api-keys";
import { listDefaults } from "@/features/api-keys/list/list-search";
import { type Operator, operatorsQuery } from "@/features/operators/api/operators";

/** Current names by id, for sentences that would otherwise show ids. */
export type Names = ReadonlyMap<string, string>;

function namesOf(page: ApiKeyPage): Names {
  return new Map(page.items.map((key) => [key.client_id, key.name]));
}

/** The names of the hundred most recently used keys; others appear by their client IDs. */
export const keyNamesQuery = queryOptions({
  ...apiKeysQuery({ ...listDefaults, page_size: 100, sort_field: "last_used_at" }),
  select: namesOf,
  staleTime: 60_000,
});

function emailsOf(operators: Operator[]): Names {
  return new Map(operators.map((operator) => [operator.id, operator.email]));
}

/** The email addresses of the tenancy's operators; only admins may read them. */
export const operatorNamesQuery = queryOptions({ ...operatorsQuery, select: emailsOf, staleTime: 60_000 });
