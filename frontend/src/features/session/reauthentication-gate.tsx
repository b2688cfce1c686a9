import { lazy, Suspense, useSyncExternalStore } from "react";
import { reauthentication } from "@/shared/api/reauthentication";

const ReauthenticationDialog = lazy(() => import("./reauthentication-dialog"));

/** Asks the operator to sign in again as soon as a call found out that the session has expired. */
export function ReauthenticationGate() {
  const required = useSyncExternalStore(reauthentication.subscribe, reauthentication.isRequired);
  return <Suspense fallback={null}>{required && <ReauthenticationDialog />}</Suspense>;
}
