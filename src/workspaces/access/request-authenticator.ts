import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { AppError } from '../../common';
import { Environment } from '../../config';
import {
  AccessTokenAuthenticator,
  type AuthenticatedToken,
} from '../access-tokens/access-token-authenticator';
import { RateLimits } from '../limits/rate-limits';
import type { Session } from './principal';
import { refuseCrossSite, SessionCookie } from '../sessions/session-cookie';
import { Sessions } from '../sessions/sessions';

/** A token, and the session through which it was used; null: it was sent itself. */
export interface AuthenticatedCaller extends AuthenticatedToken {
  readonly session: Session | null;
}

/** Finds out who sends a request: by its token, or by the cookie of the web UI. */
@Injectable()
export class RequestAuthenticator {
  private readonly cookie: SessionCookie;

  constructor(
    private readonly tokens: AccessTokenAuthenticator,
    private readonly sessions: Sessions,
    private readonly rateLimits: RateLimits,
    private readonly environment: Environment,
  ) {
    this.cookie = new SessionCookie(environment.isBehindTls);
  }

  /**
   * @param workspaceId - the workspace to look up the role in; null: the token's home.
   * @throws {AppError} `unauthenticated`; `ambiguous_credentials` for a token and a cookie, of which one may
   * be another person's; `cross_site_request`; `too_many_requests` after many refused ones.
   */
  async authenticate(request: Request, workspaceId: string | null): Promise<AuthenticatedCaller> {
    const session = this.cookie.read(request);
    const { authorization } = request.headers;
    if (session === null) {
      const token = bearerToken(authorization);
      return this.counted(request, async () => {
        return { ...(await this.tokens.authenticate(token, workspaceId)), session: null };
      });
    }
    if (authorization !== undefined) throw new AppError('ambiguous_credentials');
    refuseCrossSite(request, this.environment.isBehindTls);
    return this.counted(request, () => this.useSession(request, session, workspaceId));
  }

  /** What a moment ago was found out about the token that is sent; null: nothing. As {@link AccessTokenAuthenticator.recall}. */
  recall(request: Request, workspaceId: string | null): AuthenticatedCaller | null {
    const { authorization } = request.headers;
    if (authorization === undefined || this.cookie.read(request) !== null) return null;
    const recalled = this.tokens.recall(bearerToken(authorization), workspaceId);
    return recalled === null ? null : { ...recalled, session: null };
  }

  /** A cookie that has ended is taken back: a browser that still sends it could not sign in with a token. */
  private async useSession(
    request: Request,
    session: string,
    workspaceId: string | null,
  ): Promise<AuthenticatedCaller> {
    try {
      return await this.sessions.authenticate(session, workspaceId);
    } catch (error) {
      const isOver = error instanceof AppError && error.code === 'unauthenticated';
      if (isOver && request.res !== undefined) this.cookie.clear(request.res);
      throw error;
    }
  }

  private async counted<T>(request: Request, authenticate: () => Promise<T>): Promise<T> {
    try {
      return await authenticate();
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') {
        await this.rateLimits.noteFailedAuthentication(request.ip ?? '');
      }
      throw error;
    }
  }
}

function bearerToken(authorization: string | undefined): string {
  const [scheme, token, ...rest] = (authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) {
    throw new AppError('unauthenticated');
  }
  return token;
}
