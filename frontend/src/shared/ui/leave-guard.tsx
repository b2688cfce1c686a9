import { useBlocker } from "@tanstack/react-router";
import { ConfirmDialog } from "./confirm-dialog";

interface LeaveBlocker {
  /** Whether a navigation is waiting for the operator's decision. */
  blocked: boolean;
  stay: () => void;
  leave: () => void;
}

/** Blocks navigation within the console and, with the browser's own prompt, closing or reloading the tab. */
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

/** Blocks navigation without asking while an answer is pending that only this page can show. */
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

/** Asks before entered data is lost. */
export function LeaveGuard({ when, title, message, stay, leave }: LeaveGuardProps) {
  const blocker = useLeaveBlocker(when);
  if (!blocker.blocked) return null;
  return (
    <ConfirmDialog title={title} cancel={stay} confirm={leave} onConfirm={blocker.leave} onClose={blocker.stay}>
      {message}
    </ConfirmDialog>
  );
}
