import { api, fetchPatiently, send } from "@/shared/api/client";
import { onlyReads } from "@/shared/api/query-client";
import { useSingleMutation } from "@/shared/api/use-single-mutation";
import type { EventVerification } from "./event";

async function verifyEvents(): Promise<EventVerification> {
  const { data } = await send(api.GET("/v1/events/verify", { fetch: fetchPatiently }));
  return data;
}

/** Reads the whole log; it may take a while, and is only done when asked for. */
export function useVerifyEvents() {
  return useSingleMutation({ mutationFn: verifyEvents, meta: onlyReads });
}
