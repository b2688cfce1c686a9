/**
 * The nonce with which the page's content security policy allows style elements; empty when the page was served without one.
 */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}
