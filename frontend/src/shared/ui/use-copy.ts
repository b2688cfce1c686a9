import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** "manual": the clipboard refused, so the text stands selected for the operator to copy by hand. */
export type CopyState = "idle" | "copied" | "manual";

const SHOWN_MS = 2_500;

function selectText(element: HTMLElement): void {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
}

/** Copies text, and claims so only after the clipboard accepted. Where it can't, selects what `target` shows. */
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
