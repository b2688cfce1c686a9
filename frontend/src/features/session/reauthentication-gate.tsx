import { lazy, Suspense, useEffect } from "react";
import { whenIdle } from "@/shared/ui/on-demand";
import { useInterrupted } from "@/shared/ui/use-interrupted";

const load = () => import("./reauthentication-dialog");
const ReauthenticationDialog = lazy(load);

/** Asks the operator to sign in again as soon as a call finds that the session has expired. */
export function ReauthenticationGate() {
  const required = useInterrupted();
  // Loaded early: hours later the service may have been upgraded and no longer have this chunk, and
  // unsaved input would be lost.
  useEffect(() => whenIdle(() => void load().catch(() => undefined)), []);
  return <Suspense fallback={null}>{required && <ReauthenticationDialog />}</Suspense>;
}
