/** The URL at which a one-time token is used. The token is in the fragment, which never reaches a server or its logs. */
export function invitationLink(token: string): string {
  return `${window.location.origin}/invitation#${encodeURIComponent(token)}`;
}
