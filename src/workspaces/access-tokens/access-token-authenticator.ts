import { Injectable } from '@nestjs/common';
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
}

/**
 * Read at each request, never cached: a revocation holds from the next request on, on every node. Notes the
 * time of use, once a minute at the most.
 */
const AUTHENTICATE = `
  SELECT id, home_workspace_id AS "homeWorkspaceId", role FROM authenticate_access_token($1, $2)`;

/** Finds out whose token it is. */
@Injectable()
export class AccessTokenAuthenticator {
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
    const [row] = await this.dataSource.query<TokenRow[]>(AUTHENTICATE, [digest, workspaceId]);
    if (row === undefined) throw new AppError('unauthenticated');
    return {
      tokenId: row.id,
      workspaceId: workspaceId ?? row.homeWorkspaceId,
      homeWorkspaceId: row.homeWorkspaceId,
      role: row.role,
    };
  }
}
