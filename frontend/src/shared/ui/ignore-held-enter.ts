import type { KeyboardEvent } from "react";

/** Of a button that takes the place, or the focus, of what was pressed: Enter that is held must not press it, too. */
export function ignoreHeldEnter(event: KeyboardEvent): void {
  if (event.key === "Enter" && event.repeat) event.preventDefault();
}
