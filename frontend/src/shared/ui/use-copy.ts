import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** "manual": the clipboard refused, so the text is selected for the operator to copy by hand. */
export type CopyState = "idle" | "copied" | "manual";

const SHOWN_MS = 2_500;

function selectText(element: HTMLElement): void {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
}

/**
 * Copies text, and reports success only once the clipboard has accepted it. If the clipboard can't be written, selects
 * the contents of `target`.
 */
export function useCopy(target: RefObject<HTMLElement | null>) {
  const [state, setState] = useState<CopyState>("idle");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => () => clearTimeout(timer.current), []);

  const reset = useCallback(() => {
    clearTimeout(timer.current);
    setState("idle");
  }, []);

  const copy = useCallback(
    async (text: string): Promise<boolean> => {
      clearTimeout(timer.current);
      try {
        await navigator.clipboard.writeText(text);
        setState("copied");
        timer.current = setTimeout(reset, SHOWN_MS);
        return true;
      } catch {
        if (target.current) selectText(target.current);
        setState("manual");
        timer.current = setTimeout(reset, 3 * SHOWN_MS);
        return false;
      }
    },
    [reset, target],
  );

  return { state, copy, reset };
}
