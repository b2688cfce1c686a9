import type { KeyboardEvent } from "react";

/** For a button that takes the place or the focus of the one just pressed: a held Enter must not press it too. */
export function ignoreHeldEnter(event: KeyboardEvent): void {
  if (event.key === "Enter" && event.repeat) event.preventDefault();
}
