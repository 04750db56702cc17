import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AppError } from '../common';
import { TenantDatabase } from '../database';
import { generateAccessToken } from './access-tokens/access-token.format';
import { AccessTokenAuthenticator } from './access-tokens/access-token-authenticator';
import { AccessTokensService } from './access-tokens/access-tokens.service';
import { WorkspacesService } from './workspaces.service';

/** Any constant of our own: of nodes that start together on an empty database, one makes the owner. */
const FIRST_OWNER_LOCK = 5_397_120_002;

/** A token and its home workspace. */
export interface OwnerToken {
  readonly text: string;
  readonly workspaceId: string;
}

/** Makes the way in: on a database without any access token, the workspace `default` and its owner token. */
@Injectable()
export class FirstOwner {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly workspaces: WorkspacesService,
    private readonly tokens: AccessTokensService,
    private readonly authenticator: AccessTokenAuthenticator,
  ) {}

  /** The token with its home workspace; null when it is refused. */
  async find(text: string): Promise<OwnerToken | null> {
    try {
      const { homeWorkspaceId } = await this.authenticator.authenticate(text, null);
      return { text, workspaceId: homeWorkspaceId };
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') return null;
      throw error;
    }
  }

  /**
   * @param text - the token to install; undefined: a generated one.
   * @returns the owner token, or null when somebody can get in already.
   */
  async ensure(text: string = generateAccessToken()): Promise<OwnerToken | null> {
    const workspaceId = uuidv7();
    return this.tenants.writeAsServer(workspaceId, async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [FIRST_OWNER_LOCK]);
      const [row] = await manager.query<{ exists: boolean }[]>(
        'SELECT access_token_exists() AS exists',
      );
      if (row?.exists !== false) return null;
      await this.workspaces.insert(manager, workspaceId, 'default');
      await this.tokens.insert(manager, {
        workspaceId,
        name: 'First owner',
        role: 'owner',
        scopes: null,
        agentId: null,
        expiresAt: null,
        text,
      });
      return { text, workspaceId };
    });
  }
}
