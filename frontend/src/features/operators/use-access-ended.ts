import { useSignOut } from "@/features/session/sign-out";
import { toaster } from "@/shared/ui/toaster-store";

/**
 * Returns what to do once an operator has no session any more: say so and close. After one's `own`, there is only the sign-in.
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
