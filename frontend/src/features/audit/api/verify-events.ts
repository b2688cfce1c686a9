import { useMutation } from "@tanstack/react-query";
import { api, send } from "@/shared/api/client";
import type { EventVerification } from "./event";

async function verifyEvents(): Promise<EventVerification> {
  const { data } = await send(api.GET("/v1/events/verify"));
  return data;
}

/** Reads the whole log; it may take a while, and is only done when asked for. */
export function useVerifyEvents() {
  return useMutation({ mutationFn: verifyEvents });
}
