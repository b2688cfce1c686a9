import { VisuallyHidden } from "@mantine/core";
import { useSyncExternalStore } from "react";

let message = "";
const listeners = new Set<() => void>();

/** Has screen readers say `text` without moving the focus. */
export function announce(text: string): void {
  // The same text twice in a row is only spoken again when the region's content differs.
  message = text === message ? `${text}\u00a0` : text;
  for (const notify of listeners) notify();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The live region behind `announce`; it stands once, outside everything that comes and goes. */
export function Announcer() {
  const text = useSyncExternalStore(subscribe, () => message);
  return (
    <VisuallyHidden aria-live="polite" aria-atomic="true">
      {text}
    </VisuallyHidden>
  );
}
