import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { A_MOMENT, AppError, RecentValues } from '../../common';
import { CryptoService } from '../../crypto';
import { type PreparedStatement, PreparedStatements } from '../../database';
import type { Authority } from '../access/authority';
import type { Credential } from '../access/principal';
import type { Role } from '../access/roles';
import { isAccessToken } from './access-token.format';

/** A token that works. Its authority is that of the secret that was sent, which may end sooner than the token. */
export interface AuthenticatedToken extends Omit<Authority, 'role'> {
  readonly tokenId: string;
  readonly credential: Credential;
  readonly workspaceId: string;
  readonly homeWorkspaceId: string;
  /** Null: the token has no access to the workspace, or there is no such workspace. */
  readonly role: Role | null;
}

type TokenRow = Omit<AuthenticatedToken, 'workspaceId' | 'credential'>;

/**
 * Read at each request, so that a revocation holds from the next request on, on every node; see
 * {@link AccessTokenAuthenticator.recall} for the one that is read later. Notes the time of use, once a minute at the
 * most.
 */
const AUTHENTICATE: PreparedStatement = {
  name: 'authenticate_access_token',
  text: `
  SELECT id AS "tokenId", home_workspace_id AS "homeWorkspaceId", role, scopes, agent_id AS "agentId",
         expires_at AS "expiresAt" FROM authenticate_access_token($1, $2)`,
};

/** Finds out whose token it is. */
@Injectable()
export class AccessTokenAuthenticator {
  private readonly recent = new RecentValues<AuthenticatedToken>(A_MOMENT);

  constructor(
    private readonly statements: PreparedStatements,
    private readonly crypto: CryptoService,
  ) {}

  /**
   * @param workspaceId - the workspace to look up the role in; null: the token's home.
   * @throws {AppError} `unauthenticated`: malformed, unknown, expired or revoked; which of them is not told.
   */
  async authenticate(token: string, workspaceId: string | null): Promise<AuthenticatedToken> {
    if (!isAccessToken(token)) throw new AppError('unauthenticated');
    const digest = await this.crypto.digestToken(token);
    const [row] = await this.statements.run<TokenRow>(AUTHENTICATE, [digest, workspaceId]);
    const name = nameOf(token, workspaceId);
    if (row === undefined) {
      this.recent.delete(name);
      throw new AppError('unauthenticated');
    }
    const authenticated = {
      ...row,
      workspaceId: workspaceId ?? row.homeWorkspaceId,
      credential: { digest, isSession: false },
    };
    this.recent.set(name, authenticated);
    return authenticated;
  }

  /**
   * What {@link authenticate} found a moment ago. It may not be so any more: only for whoever has it confirmed in the
   * statement on which everything that follows rests.
   * @returns null: nothing that is recent.
   */
  recall(token: string, workspaceId: string | null): AuthenticatedToken | null {
    return this.recent.get(nameOf(token, workspaceId)) ?? null;
  }
}

/** Holds no token. */
function nameOf(token: string, workspaceId: string | null): string {
  return `${hash('sha256', token, 'base64')} ${workspaceId}`;
}
