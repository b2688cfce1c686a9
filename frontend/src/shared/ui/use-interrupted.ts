import { useSyncExternalStore } from "react";
import { reauthentication } from "@/shared/api/reauthentication";

/** Whether the operator has to sign in again before they can go on. */
export function useInterrupted(): boolean {
  return useSyncExternalStore(reauthentication.subscribe, reauthentication.isRequired);
}
