import { type RefObject, useEffect } from "react";

/** Moves the focus to the first field with an error, each time `failures` grows. */
export function useFocusFirstInvalid(container: RefObject<HTMLElement | null>, failures: number): void {
  useEffect(() => {
    if (failures > 0) container.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [container, failures]);
}
