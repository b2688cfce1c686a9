/** The nonce that the page's content security policy grants to style elements; empty when the page was served without one. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}
