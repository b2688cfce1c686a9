import type { QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/shared/api/api-error";
import { reauthentication } from "@/shared/api/reauthentication";
import { type Identity, identityOf, onIdentityAnnounced } from "./identity";
import { readSession, sessionQuery } from "./session-query";

/**
 * Calls `startAnew` once the browser's session no longer belongs to the operator for whom the page was rendered. Otherwise
 * the page would show one operator's data to another, and send what is entered under the wrong name. Other tabs announce such
 * a change at once; for a change that no tab announces, the session is read again whenever somebody returns to the page.
 * Returns a function that stops watching.
 *
 * A session that has merely expired is not such a change: an operator who signs in again, over the page or in another tab,
 * continues where they were.
 */
export function watchIdentity(queryClient: QueryClient, startAnew: () => void): () => void {
  let looking = false;

  /** Returns whether the page still belongs to whoever is signed in. */
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
      // The same operator's role may have changed.
      if (settle(identityOf(session))) queryClient.setQueryData(sessionQuery.queryKey, session);
    } catch (error) {
      // An unreachable service says nothing about who is signed in.
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
