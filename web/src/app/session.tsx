import { useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  type PropsWithChildren,
  type ReactNode,
  use,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from 'react';
import type { SessionResponse } from '../client';
import { Problem } from '../http/problem';
import { takeLinkToken } from './link-token';
import { SessionStore } from './session-store';

interface SessionContext {
  readonly session: SessionResponse;
  readonly signOut: () => Promise<void>;
}

const Context = createContext<SessionContext | null>(null);
const store = new SessionStore();

/** Shows the page to whoever is signed in, and the way in to everybody else, under the same address. */
export function SessionGate({
  children,
  signIn,
  checking,
}: PropsWithChildren<{
  signIn: (store: SessionStore, reason: string | null) => ReactNode;
  checking: ReactNode;
}>) {
  const state = useSyncExternalStore(store.subscribe, store.read);
  const queries = useQueryClient();
  useEffect(enter, []);
  const isSignedIn = state.status === 'signed-in';
  // What one person may see is not for the next one.
  useEffect(() => {
    if (!isSignedIn) queries.clear();
  }, [queries, isSignedIn]);
  const session = state.status === 'signed-in' ? state.session : null;
  const context = useMemo(
    () => session && { session, signOut: async () => store.signOut() },
    [session],
  );
  if (state.status === 'checking') return checking;
  if (state.status === 'signed-out') return signIn(store, state.reason);
  return <Context value={context}>{children}</Context>;
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
