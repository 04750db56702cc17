import {
  type SessionResponse,
  sessionsControllerCreate,
  sessionsControllerEnd,
  sessionsControllerGet,
} from '../client';
import { onSessionEnd } from '../http/api';
import { Problem, toProblem } from '../http/problem';

export type SessionState =
  | { readonly status: 'checking' }
  | { readonly status: 'signed-out'; readonly reason: string | null }
  | { readonly status: 'signed-in'; readonly session: SessionResponse };

/** Says that this browser signed in and did not sign out: worth asking the server. No secret. */
const FLAG = 'keyrun-signed-in';
const EXPIRED = 'Your session is over. Sign in again; you come back to this page.';

/** Who is signed in. The session itself is a cookie that no script can read; a token is never kept. */
export class SessionStore {
  #state: SessionState = { status: 'checking' };
  readonly #listeners = new Set<() => void>();

  constructor() {
    onSessionEnd(() => {
      if (this.#state.status === 'signed-in') this.#leave(EXPIRED);
    });
    // Another tab signed in or out.
    addEventListener('storage', (event) => {
      if (event.key === FLAG) void this.check();
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): SessionState => this.#state;

  /** Asks the server, if this browser ever signed in. */
  async check(): Promise<void> {
    if (localStorage.getItem(FLAG) === null) {
      this.#leave(null);
      return;
    }
    try {
      const { data } = await sessionsControllerGet();
      this.#set({ status: 'signed-in', session: data });
    } catch (error) {
      const problem = toProblem(error);
      const isUnclear = problem.isUnreachable || problem.status >= 500;
      if (isUnclear) this.#set({ status: 'signed-out', reason: problem.message });
      else this.#leave(EXPIRED);
    }
  }

  /**
   * Trades the token for a session.
   * @throws {Problem} what is wrong with the token.
   */
  async signIn(token: string): Promise<void> {
    // Whoever was signed in leaves first: a request with a token and another session's cookie is refused.
    if (this.#state.status === 'signed-in') this.#set({ status: 'checking' });
    if (localStorage.getItem(FLAG) !== null) await endSession();
    try {
      await this.#begin(token);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'ambiguous_credentials') throw error;
      await endSession();
      await this.#begin(token);
    }
  }

  /** Signing in by a link failed. */
  refuse(reason: string): void {
    this.#set({ status: 'signed-out', reason });
  }

  async signOut(): Promise<void> {
    await endSession();
    this.#leave(null);
  }

  async #begin(token: string): Promise<void> {
    const { data } = await sessionsControllerCreate({
      headers: { authorization: `Bearer ${token}` },
    });
    localStorage.setItem(FLAG, '1');
    this.#set({ status: 'signed-in', session: data });
  }

  #leave(reason: string | null): void {
    localStorage.removeItem(FLAG);
    this.#set({ status: 'signed-out', reason });
  }

  #set(state: SessionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Also when it is over already. */
async function endSession(): Promise<void> {
  try {
    await sessionsControllerEnd();
  } catch (error) {
    if (toProblem(error).isUnreachable) throw error;
  }
}
