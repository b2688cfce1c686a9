import { useSignOut } from "@/features/session/sign-out";
import { toaster } from "@/shared/ui/toaster-store";

/**
 * Returns what to do once an operator's sessions have ended: report it and close the dialog. If they were the signed-in
 * operator's `own`, sign out instead.
 */
export function useAccessEnded(own: boolean, onClose: () => void): (message: string) => void {
  const signOut = useSignOut();
  return (message) => {
    if (own) {
      signOut();
      return;
    }
    toaster.show({ tone: "success", message });
    onClose();
  };
}
