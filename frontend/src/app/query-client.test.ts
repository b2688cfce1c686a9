import { MutationObserver } from "@tanstack/react-query";
import { expect, it } from "vitest";
import { createQueryClient } from "./query-client";

it.each([
  ["made", () => Promise.resolve()],
  ["refused", () => Promise.reject(new Error("refused"))],
])(
  "a change that was %s makes the history and the overview of uses old, and nothing else",
  async (_what, mutationFn) => {
    const client = createQueryClient();
    const events = ["events", { actor: "" }];
    const overview = ["usage", "overview", { range: "7d" }];
    const keyUsage = ["usage", "key", "ak_EXAMPLE", "24h"];
    const list = ["api-keys", "list", { page: 1 }];
    for (const queryKey of [events, overview, keyUsage, list]) client.setQueryData(queryKey, {});
    const isOld = (queryKey: unknown[]) => client.getQueryState(queryKey)?.isInvalidated;

    await new MutationObserver(client, { mutationFn }).mutate().catch(() => undefined);
    expect([events, overview].map(isOld)).toEqual([true, true]);
    expect([keyUsage, list].map(isOld)).toEqual([false, false]);
  },
);
