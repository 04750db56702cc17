import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppError } from '../../common';
import { CryptoService } from '../../crypto';
import type { Role } from '../access/roles';
import { isAccessToken } from './access-token.format';

export interface AuthenticatedToken {
  readonly tokenId: string;
  readonly workspaceId: string;
  readonly homeWorkspaceId: string;
  /** Null: the token has no access to the workspace, or there is no such workspace. */
  readonly role: Role | null;
}

interface TokenRow {
  id: string;
  homeWorkspaceId: string;
  role: Role | null;
  useIsStale: boolean;
}

/** Read at each request, never cached: a revocation holds from the next request on, on every node. */
const FIND_TOKEN = `
  SELECT token.id, token.home_workspace_id AS "homeWorkspaceId", access.role,
         coalesce(token.last_used_at < now() - interval '1 minute', true) AS "useIsStale"
    FROM access_tokens token
    LEFT JOIN access_token_grants access
      ON access.token_id = token.id AND access.workspace_id = coalesce($2, token.home_workspace_id)
   WHERE token.digest = $1 AND (token.expires_at IS NULL OR token.expires_at > now())`;

/** Finds out whose token it is. */
@Injectable()
export class AccessTokenAuthenticator {
  private readonly logger = new Logger(AccessTokenAuthenticator.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly crypto: CryptoService,
  ) {}

  /**
   * @param workspaceId - the workspace to look up the role in; null: the token's home.
   * @throws {AppError} `unauthenticated`: malformed, unknown, expired or revoked; which of them is not told.
   */
  async authenticate(token: string, workspaceId: string | null): Promise<AuthenticatedToken> {
    if (!isAccessToken(token)) throw new AppError('unauthenticated');
    const digest = await this.crypto.digestToken(token);
    const [row] = await this.dataSource.query<TokenRow[]>(FIND_TOKEN, [digest, workspaceId]);
    if (row === undefined) throw new AppError('unauthenticated');
    if (row.useIsStale) void this.noteUse(row.id);
    return {
      tokenId: row.id,
      workspaceId: workspaceId ?? row.homeWorkspaceId,
      homeWorkspaceId: row.homeWorkspaceId,
      role: row.role,
    };
  }

  private async noteUse(tokenId: string): Promise<void> {
    try {
      await this.dataSource.query(`UPDATE access_tokens SET last_used_at = now() WHERE id = $1`, [
        tokenId,
      ]);
    } catch {
      // The time of use is a courtesy of the list; a failed note must not fail the request.
      this.logger.warn('the last use of an access token could not be noted');
    }
  }
}
