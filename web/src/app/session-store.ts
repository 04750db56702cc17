import {
  type SessionResponse,
  sessionsControllerCreate,
  sessionsControllerEnd,
  sessionsControllerGet,
} from '../client';
import { onSessionEnd } from '../http/api';
import { announcePresence } from '../http/presence';
import { Problem, toProblem } from '../http/problem';

export type SessionState =
  | { readonly status: 'checking' }
  | {
      readonly status: 'signed-out';
      readonly reason: string | null;
      /** Whose session ended by itself; the page waits for them as they left it. */
      readonly held: SessionResponse | null;
    }
  | { readonly status: 'signed-in'; readonly session: SessionResponse };

/**
 * Says that this browser signed in and did not sign out: worth asking the server; or that the session ended by
 * itself. No secret.
 */
const FLAG = 'keyrun-signed-in';
const OVER = 'over';
const EXPIRED = 'Your session is over. Sign in again; you come back to this page.';

/** Who is signed in. The session itself is a cookie that no script can read; a token is never kept. */
export class SessionStore {
  #state: SessionState = { status: 'checking' };
  readonly #listeners = new Set<() => void>();

  /** @param forget - drops what was read: what one person may see is not for the next one. */
  constructor(private readonly forget: () => void) {
    onSessionEnd(() => {
      this.#expire();
    });
    // Another tab signed in or out.
    addEventListener('storage', ({ key, newValue }) => {
      if (key !== FLAG) return;
      if (newValue === OVER) this.#expire();
      else if (this.#state.status !== 'checking') void this.check();
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): SessionState => this.#state;

  /** Asks the server, if this browser ever signed in. */
  async check(): Promise<void> {
    const flag = localStorage.getItem(FLAG);
    if (flag === null || flag === OVER) {
      this.#leave(flag === null ? null : EXPIRED, flag);
      return;
    }
    try {
      const { data } = await sessionsControllerGet();
      this.#set({ status: 'signed-in', session: data });
    } catch (error) {
      const problem = toProblem(error);
      const isUnclear = problem.isUnreachable || problem.status >= 500;
      if (isUnclear) this.refuse(problem.message);
      else if (this.#state.status === 'checking') this.#leave(EXPIRED, OVER);
    }
  }

  /** Asks the server whether the session is still there. Tells of its end only; a server that is away ends nothing. */
  async confirm(): Promise<void> {
    if (this.#state.status !== 'signed-in') return;
    await sessionsControllerGet().catch(() => null);
  }

  /**
   * Trades the token for a session.
   * @throws {Problem} what is wrong with the token.
   */
  async signIn(token: string): Promise<void> {
    // Whoever was signed in leaves first: a request with a token and another session's cookie is refused.
    if (this.#state.status === 'signed-in') this.#set({ status: 'checking' });
    if (localStorage.getItem(FLAG) === '1') await endSession();
    try {
      await this.#begin(token);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'ambiguous_credentials') {
        throw asRefusal(error);
      }
      await endSession();
      await this.#begin(token).catch((refusal: unknown) => {
        throw asRefusal(refusal);
      });
    }
  }

  /** Signing in by a link failed, or nobody could be asked. */
  refuse(reason: string): void {
    this.#set({ status: 'signed-out', reason, held: this.#held });
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

  get #held(): SessionResponse | null {
    if (this.#state.status === 'signed-in') return this.#state.session;
    return this.#state.status === 'signed-out' ? this.#state.held : null;
  }

  /** Nobody asked for it, so nothing that was typed shall be lost. */
  #expire(): void {
    if (this.#state.status !== 'signed-in') return;
    localStorage.setItem(FLAG, OVER);
    this.#set({ status: 'signed-out', reason: EXPIRED, held: this.#held });
  }

  #leave(reason: string | null, flag: typeof OVER | null = null): void {
    if (flag === null) localStorage.removeItem(FLAG);
    else localStorage.setItem(FLAG, flag);
    this.#set({ status: 'signed-out', reason, held: null });
  }

  #set(state: SessionState): void {
    const before = this.#held?.tokenId;
    this.#state = state;
    if (this.#held?.tokenId !== before) this.forget();
    announcePresence(state.status === 'signed-in');
    for (const listener of this.#listeners) listener();
  }
}

/** What whoever typed a token, or followed a link, can do when it is none. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof Problem) || error.status !== 401) return error;
  return new Problem({
    status: error.status,
    code: 'token_refused',
    title: 'This token does not open Keyrun',
    detail:
      'The token is not known here: it is mistyped, has expired or was revoked. Paste it again, or ask for a new one.',
  });
}

/** Also when it is over already. */
async function endSession(): Promise<void> {
  try {
    await sessionsControllerEnd();
  } catch (error) {
    if (toProblem(error).isUnreachable) throw error;
  }
}
