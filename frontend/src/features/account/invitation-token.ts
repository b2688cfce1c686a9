let held = "";
let receive: ((token: string) => void) | undefined;

/**
 * Holds the token of an invitation's link from when the router takes it out of the URL until the page has it. It is
 * never part of the history, where Back or another person at the same browser could find it.
 */
export const invitationToken = {
  hold(fragment: string): void {
    let token = fragment;
    try {
      token = decodeURIComponent(fragment);
    } catch {
      // It is no link of the console's, and the service will say so.
    }
    if (receive) receive(token);
    else held = token;
  },
  peek: (): string => held,
  /**
   * Forgets what is held, for the page has it, and gives the page the token of each link that is opened while it is
   * shown. Returns what ends that.
   */
  handTo(page: (token: string) => void): () => void {
    held = "";
    receive = page;
    return () => {
      receive = undefined;
    };
  },
};
