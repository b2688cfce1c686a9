let held = "";

/**
 * Holds the token of an invitation's link from when the router takes it out of the URL until the page has it. It is
 * never part of the history, where Back or another person at the same browser could find it.
 */
export const invitationToken = {
  hold(fragment: string): void {
    try {
      held = decodeURIComponent(fragment);
    } catch {
      held = fragment;
    }
  },
  peek: (): string => held,
  forget(): void {
    held = "";
  },
};
