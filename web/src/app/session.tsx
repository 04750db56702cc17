import {
  createContext,
  type PropsWithChildren,
  type ReactNode,
  use,
  useEffect,
  useLayoutEffect,
  useMemo,
  useSyncExternalStore,
} from 'react';
import type { SessionResponse } from '../client';
import { Problem } from '../http/problem';
import { holdPage } from './hold-page';
import { takeLinkToken } from './link-token';
import { queryClient } from './query-client';
import { SessionStore } from './session-store';
import { watchSession } from './watch-session';

interface SessionContext {
  readonly session: SessionResponse;
  readonly signOut: () => Promise<void>;
}

const Context = createContext<SessionContext | null>(null);
const store = new SessionStore(() => {
  queryClient.clear();
});

/**
 * Shows the page to whoever is signed in, and the way in to everybody else, under the same address. When a session
 * ends by itself, its page stays behind the way in as it was left, and is there again for the same person.
 */
export function SessionGate({
  children,
  signIn,
  checking,
}: PropsWithChildren<{
  signIn: (store: SessionStore, reason: string | null) => ReactNode;
  checking: ReactNode;
}>) {
  const state = useSyncExternalStore(store.subscribe, store.read);
  useEffect(enter, []);
  if (state.status === 'checking') return checking;
  const session = state.status === 'signed-in' ? state.session : state.held;
  return (
    <>
      {session !== null && (
        <Held key={session.tokenId} session={session} isHidden={state.status === 'signed-out'}>
          {children}
        </Held>
      )}
      {state.status === 'signed-out' && signIn(store, state.reason)}
    </>
  );
}

function Held({
  session,
  isHidden,
  children,
}: PropsWithChildren<{ session: SessionResponse; isHidden: boolean }>) {
  const context = useMemo(() => ({ session, signOut: async () => store.signOut() }), [session]);
  useLayoutEffect(() => (isHidden ? holdPage() : undefined), [isHidden]);
  useEffect(
    () => (isHidden ? undefined : watchSession(session, async () => store.confirm())),
    [session, isHidden],
  );
  return (
    <div className={isHidden ? 'held' : undefined} inert={isHidden}>
      <Context value={context}>{children}</Context>
    </div>
  );
}

/** Signs in by the link that was opened, else finds out who is signed in. */
function enter(): () => void {
  const follow = () => {
    const token = takeLinkToken();
    if (token === null) return false;
    store.signIn(token).catch((error: unknown) => {
      store.refuse(error instanceof Problem ? error.message : 'Signing in failed.');
    });
    return true;
  };
  if (!follow()) void store.check();
  addEventListener('hashchange', follow);
  return () => {
    removeEventListener('hashchange', follow);
  };
}

/** Who is signed in. */
export function useSession(): SessionContext {
  const context = use(Context);
  if (context === null) throw new Error('useSession() outside of SessionGate');
  return context;
}
