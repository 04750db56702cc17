import { AsyncLocalStorage } from 'node:async_hooks';

interface Scope {
  /** The access token that the guard authenticated; null until then. */
  tokenId: string | null;
  /** Asked late: the id is given after the scope was opened. */
  readonly requestId: () => string | undefined;
}

const scopes = new AsyncLocalStorage<Scope>();

/**
 * Runs an HTTP request in a scope of its own. From here on the database gives rows only to the token that is
 * named with {@link nameToken}, and to none before that.
 */
export function runRequest<T>(work: () => T, requestId: Scope['requestId'] = () => undefined): T {
  return scopes.run({ tokenId: null, requestId }, work);
}

/** Names the authenticated token of the request under way. */
export function nameToken(tokenId: string): void {
  const scope = scopes.getStore();
  if (scope === undefined) throw new Error('nameToken() outside of a request');
  scope.tokenId = tokenId;
}

/** A token id that nobody has: what a request without an authenticated token is taken for. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** The token whose grant the database checks; null: the server itself asks, outside of any request. */
export function callerTokenId(): string | null {
  const scope = scopes.getStore();
  return scope === undefined ? null : (scope.tokenId ?? NOBODY);
}

/** The id of the request under way; null outside of any. */
export function callerRequestId(): string | null {
  return scopes.getStore()?.requestId() ?? null;
}
