import { api, fetchPatiently, send } from "@/shared/api/client";
import { onlyReads } from "@/shared/api/query-client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import type { EventVerification } from "./event";

async function verifyEvents(): Promise<EventVerification> {
  const { data } = await send(api.GET("/v1/events/verify", { fetch: fetchPatiently }));
  return data;
}

/** Verifies the whole log. It may take a while, and so runs only on request. */
export function useVerifyEvents() {
  return useSingleMutation({ mutationFn: verifyEvents, meta: onlyReads });
}
