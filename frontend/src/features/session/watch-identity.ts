import type { QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/shared/api/api-error";
import { reauthentication } from "@/shared/api/reauthentication";
import { type Identity, identityOf, onIdentityAnnounced } from "./identity";
import { readSession, sessionQuery } from "./session-query";

/**
 * Calls `startAnew` once the browser's session is no longer that of whom the page was drawn for: it would show one operator
 * what belongs to another, and send what is entered in the name of a third. Another tab tells so at once; for changes that
 * none tells of, the session is read again whenever somebody returns to the page. Returns what ends the watch.
 *
 * A session that has only run out is no change: who signs in again over the page, or in another tab, goes on where they were.
 */
export function watchIdentity(queryClient: QueryClient, startAnew: () => void): () => void {
  let looking = false;

  /** Returns whether the page is still that of whoever is signed in. */
  function settle(present: Identity): boolean {
    const drawnFor = queryClient.getQueryData(sessionQuery.queryKey);
    if (!drawnFor) return false;
    if (present !== identityOf(drawnFor)) {
      startAnew();
      return false;
    }
    reauthentication.complete();
    return true;
  }

  async function look() {
    if (looking || document.visibilityState !== "visible" || !queryClient.getQueryData(sessionQuery.queryKey)) return;
    looking = true;
    const { completed } = reauthentication;
    try {
      const session = await readSession();
      // The role may have changed.
      if (settle(identityOf(session))) queryClient.setQueryData(sessionQuery.queryKey, session);
    } catch (error) {
      // A service that can't be asked says nothing about who is signed in.
      const expired = error instanceof ApiError && error.status === 401;
      if (expired && reauthentication.completed === completed) reauthentication.require();
    } finally {
      looking = false;
    }
  }

  const onReturn = () => void look();
  const stopListening = onIdentityAnnounced(settle);
  document.addEventListener("visibilitychange", onReturn);
  window.addEventListener("focus", onReturn);
  return () => {
    stopListening();
    document.removeEventListener("visibilitychange", onReturn);
    window.removeEventListener("focus", onReturn);
  };
}
