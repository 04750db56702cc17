const PATTERN = /^#token=(kr_pat_\w+)$/;

/**
 * The token of a sign-in link (`/#token=…`), taken out of the address at once. The part behind `#` is never
 * sent to a server.
 */
export function takeLinkToken(): string | null {
  const [, token] = PATTERN.exec(location.hash) ?? [];
  if (location.hash.startsWith('#token=')) {
    history.replaceState(history.state, '', location.pathname + location.search);
  }
  return token ?? null;
}
