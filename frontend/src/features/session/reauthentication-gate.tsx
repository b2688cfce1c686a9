import { lazy, Suspense, useEffect } from "react";
import { whenIdle } from "@/shared/ui/on-demand";
import { useInterrupted } from "@/shared/ui/use-interrupted";

const load = () => import("./reauthentication-dialog");
const ReauthenticationDialog = lazy(load);

/** Asks the operator to sign in again as soon as a call found out that the session has expired. */
export function ReauthenticationGate() {
  const required = useInterrupted();
  // Hours later the service may have another version, without this one's chunks; what was entered would be lost with the page.
  useEffect(() => whenIdle(() => void load().catch(() => undefined)), []);
  return <Suspense fallback={null}>{required && <ReauthenticationDialog />}</Suspense>;
}
