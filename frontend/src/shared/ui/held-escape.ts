import { createContext, type Dispatch, type SetStateAction, useContext, useEffect } from "react";

/** Counts, for the surrounding dialog, what Escape must dismiss before the dialog itself. */
export const HeldEscape = createContext<Dispatch<SetStateAction<number>>>(() => undefined);

/**
 * Keeps Escape from closing the surrounding dialog. The dialog handles the key before its content does, so
 * the content can't stop it.
 */
export function useHeldEscape(when: boolean): void {
  const setHeld = useContext(HeldEscape);
  useEffect(() => {
    if (!when) return;
    setHeld((count) => count + 1);
    return () => setHeld((count) => count - 1);
  }, [when, setHeld]);
}
