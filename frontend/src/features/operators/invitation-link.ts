/** The address at which a one-time token is spent. The token stands in the fragment, which no server and no log gets to see. */
export function invitationLink(token: string): string {
  return `${window.location.origin}/invitation#${encodeURIComponent(token)}`;
}
