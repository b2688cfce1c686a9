import { MutationObserver, type QueryKey, type QueryOptions } from "@tanstack/react-query";
import { expect, it } from "vitest";
import { apiKeysQuery } from "@/features/api-keys/api/list-api-keys";
import { listDefaults } from "@/features/api-keys/list/list-search";
import { eventsQuery } from "@/features/audit/api/event";
import { auditDefaults } from "@/features/audit/audit-search";
import { keyUsageQuery } from "@/features/usage/api/key-usage";
import { usageOverviewQuery } from "@/features/usage/api/usage-overview";
import { usageDefaults } from "@/features/usage/usage-search";
import { createQueryClient } from "@/shared/api/query-client";

it.each([
  ["made", () => Promise.resolve()],
  ["refused", () => Promise.reject(new Error("refused"))],
])(
  "a change that was %s makes the history and the overview of uses old, and nothing else",
  async (_what, mutationFn) => {
    const client = createQueryClient();
    const known = ({ queryKey, meta }: Pick<QueryOptions, "meta"> & { queryKey: QueryKey }) =>
      client.getQueryCache().build(client, { queryKey, meta });
    const events = known(eventsQuery(auditDefaults));
    const overview = known(usageOverviewQuery(usageDefaults));
    const keyUsage = known(keyUsageQuery("ak_EXAMPLE", "24h"));
    const list = known(apiKeysQuery(listDefaults));

    await new MutationObserver(client, { mutationFn }).mutate().catch(() => undefined);
    expect([events, overview].map(({ state }) => state.isInvalidated)).toEqual([true, true]);
    expect([keyUsage, list].map(({ state }) => state.isInvalidated)).toEqual([false, false]);
  },
);
