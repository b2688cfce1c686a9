import { useEffect } from "react";

/** Time for whatever follows a press to take the focus itself: a dialog, a page, an invalid field. */
const PATIENCE_MS = 50;

/** More focusable elements than any dialog has, so that the way out of it is always known. */
const REMEMBERED_MAX = 100;

/**
 * Restores the focus when the element that has it disappears: a dialog closes, the last "Load more" is pressed, a row no
 * longer matches. Browsers then reset the focus to the top of the document, where keyboard users would have to start over.
 * The focus returns to where it was before: to the button that opened the dialog or menu, or to the element focused before
 * the one that was pressed. If none of these is left, it goes to the dialog or the page.
 */
export function useKeptFocus(): void {
  useEffect(() => {
    let visited: HTMLElement[] = [];
    /** Whether the last focused element has been disabled since, even briefly: browsers take the focus from it then, too. */
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
        // A button that shows its progress gets the focus back when it is done.
        if (last.matches("[data-loading]")) return;
        // The focus was given up by a click elsewhere.
        if (!last.matches(":disabled") && !disabled) return;
      }
      const dialog = [...document.querySelectorAll<HTMLElement>("[aria-modal=true]")].at(-1);
      const places = visited.filter((each) => each.isConnected && (!dialog || dialog.contains(each)));
      const page = dialog ?? document.getElementById("main");
      for (const place of [...places.reverse(), page]) {
        // A mouse user's last focused element may be far off-screen; the page must not scroll away from what they see.
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
