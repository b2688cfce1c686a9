import { useEffect } from "react";

/** Time for what follows a press to take the focus itself: a dialog, a page, a field that is wrong. */
const PATIENCE_MS = 50;

/** More stops than any dialog has, so that the way out of it is always known. */
const REMEMBERED_MAX = 100;

/**
 * Gives the focus back when what holds it goes: a dialog that closes, the last "Load more", a row that no longer matches.
 * Browsers let it fall to the top of the document, where whoever uses the keyboard would have to begin again. It returns to
 * where it was before, which is the button of a dialog or menu, or the stop in front of what was pressed; if nothing of that
 * is left, to the dialog or the page.
 */
export function useKeptFocus(): void {
  useEffect(() => {
    let visited: HTMLElement[] = [];
    /** Whether what was focused last was disabled since, for a moment at least: a browser takes the focus from it, too. */
    let disabled = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    function remember({ target }: FocusEvent) {
      if (!(target instanceof HTMLElement)) return;
      disabled = false;
      visited = [...visited.filter((each) => each !== target && each.isConnected).slice(-REMEMBERED_MAX), target];
    }

    function giveBack() {
      const last = visited.at(-1);
      if (!last || document.activeElement !== document.body) return;
      if (last.isConnected) {
        // A button that shows progress gets the focus again when it is done.
        if (last.matches("[data-loading]")) return;
        // Left by a click beside it.
        if (!last.matches(":disabled") && !disabled) return;
      }
      const dialog = [...document.querySelectorAll<HTMLElement>("[aria-modal=true]")].at(-1);
      const places = visited.filter((each) => each.isConnected && (!dialog || dialog.contains(each)));
      const page = dialog ?? document.getElementById("main");
      for (const place of [...places.reverse(), page]) {
        // Whoever used the mouse may have been far away before, and should see what they see now.
        place?.focus({ preventScroll: true });
        if (document.activeElement === place) return;
      }
    }

    const observer = new MutationObserver((changes) => {
      disabled ||= changes.some(({ type, target }) => type === "attributes" && target === visited.at(-1));
      clearTimeout(timer);
      timer = setTimeout(giveBack, PATIENCE_MS);
    });
    observer.observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled"] });
    document.addEventListener("focusin", remember);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      document.removeEventListener("focusin", remember);
    };
  }, []);
}
