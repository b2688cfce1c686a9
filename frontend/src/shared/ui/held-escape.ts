import { createContext, type Dispatch, type SetStateAction, useContext, useEffect } from "react";

/** Counts, for the dialog around, what Escape has to put away before the dialog itself. */
export const HeldEscape = createContext<Dispatch<SetStateAction<number>>>(() => undefined);

/** Keeps the dialog around open on Escape. The dialog hears the key before all that is in it, so nothing there could stop it. */
export function useHeldEscape(when: boolean): void {
  const setHeld = useContext(HeldEscape);
  useEffect(() => {
    if (!when) return;
    setHeld((count) => count + 1);
    return () => setHeld((count) => count - 1);
  }, [when, setHeld]);
}
