import { useBlocker } from "@tanstack/react-router";
import { ConfirmDialog } from "./confirm-dialog";

interface LeaveBlocker {
  /** A navigation waits for the operator's word. */
  blocked: boolean;
  stay: () => void;
  leave: () => void;
}

/** Holds navigations inside the console, and, in the browser's own words, the closing or reloading of the tab. */
export function useLeaveBlocker(when: boolean): LeaveBlocker {
  const blocker = useBlocker({
    shouldBlockFn: () => when,
    enableBeforeUnload: () => when,
    withResolver: true,
  });
  return {
    blocked: blocker.status === "blocked",
    stay: () => blocker.reset?.(),
    leave: () => blocker.proceed?.(),
  };
}

/** Holds navigations without asking, while an answer is on its way that only this page can show. */
export function useHold(pending: boolean): void {
  useBlocker({ shouldBlockFn: () => pending, enableBeforeUnload: () => pending });
}

interface LeaveGuardProps {
  /** Whether leaving now would lose something. */
  when: boolean;
  title: string;
  message: string;
  stay: string;
  leave: string;
}

/** Asks before something that was entered is lost. */
export function LeaveGuard({ when, title, message, stay, leave }: LeaveGuardProps) {
  const blocker = useLeaveBlocker(when);
  if (!blocker.blocked) return null;
  return (
    <ConfirmDialog title={title} cancel={stay} confirm={leave} onConfirm={blocker.leave} onClose={blocker.stay}>
      {message}
    </ConfirmDialog>
  );
}
