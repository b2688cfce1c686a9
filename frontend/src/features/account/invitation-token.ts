let held = "";
let receive: ((token: string) => void) | undefined;

/**
 * Holds the token of an invitation link from the moment the router takes it out of the URL until the page has it. The token
 * never becomes part of the history, where Back or another person at the same browser could find it.
 */
export const invitationToken = {
  hold(fragment: string): void {
    let token = fragment;
    try {
      token = decodeURIComponent(fragment);
    } catch {
      // The console didn't make this link, and the service will reject it.
    }
    if (receive) receive(token);
    else held = token;
  },
  peek: (): string => held,
  /**
   * Hands over to the page: forgets the held token, which the page has read by now, and passes on the token of each link
   * opened while the page is shown. Returns a function that stops this.
   */
  handTo(page: (token: string) => void): () => void {
    held = "";
    receive = page;
    return () => {
      receive = undefined;
    };
  },
};
