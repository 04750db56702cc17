import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { AppError, type ListQuery } from '../../common';
import { CryptoService } from '../../crypto';
import { TenantDatabase } from '../../database';
import type { Principal } from '../access/principal';
import { includesRole, type Role } from '../access/roles';
import { WorkspaceEntity } from '../workspace.entity';
import type { CreateAccessTokenDto } from './access-token.dto';
import { AccessTokenEntity, AccessTokenGrantEntity } from './access-token.entity';
import { generateAccessToken } from './access-token.format';

const DAY_MS = 86_400_000;
const DEFAULT_LIFETIME_MS = 90 * DAY_MS;
const LIFETIME_MS_MAX = 366 * DAY_MS;

/** A token with its role in one workspace. */
export interface GrantedToken {
  readonly id: string;
  readonly role: Role;
  readonly token: AccessTokenEntity;
}

@Injectable()
export class AccessTokensService {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly crypto: CryptoService,
  ) {}

  /**
   * Creates a token whose home is the workspace.
   * @returns the row, and the token text, which exists nowhere else.
   * @throws {AppError} `forbidden` when the role is above the caller's.
   */
  async create(
    principal: Principal,
    input: CreateAccessTokenDto,
  ): Promise<{ granted: GrantedToken; text: string }> {
    if (!includesRole(principal.role, input.role)) {
      throw new AppError('forbidden', `A token may get at most your own role, ${principal.role}.`);
    }
    const expiresAt = expiryOrThrow(input.expiresAt);
    const text = generateAccessToken();
    const granted = await this.tenants.write(principal.workspaceId, (manager) =>
      this.insert(manager, { ...input, workspaceId: principal.workspaceId, expiresAt, text }),
    );
    return { granted, text };
  }

  /** Stores a token and its grant on its home workspace. */
  async insert(
    manager: EntityManager,
    input: { workspaceId: string; name: string; role: Role; expiresAt: Date | null; text: string },
  ): Promise<GrantedToken> {
    const id = uuidv7();
    await manager.insert(AccessTokenEntity, {
      id,
      homeWorkspaceId: input.workspaceId,
      name: input.name,
      digest: await this.crypto.digestToken(input.text),
      last4: input.text.slice(-4),
      expiresAt: input.expiresAt,
    });
    await manager.insert(AccessTokenGrantEntity, {
      tokenId: id,
      workspaceId: input.workspaceId,
      role: input.role,
    });
    return {
      id,
      role: input.role,
      token: await manager.findOneByOrFail(AccessTokenEntity, { id }),
    };
  }

  /** Every token with access to the workspace, newest first; one more than the limit if there is one. */
  async list(workspaceId: string, { limit, after }: ListQuery): Promise<GrantedToken[]> {
    return this.tenants.read(workspaceId, async (manager) => {
      const query = manager
        .createQueryBuilder(AccessTokenEntity, 'token')
        .innerJoinAndMapOne(
          'token.access',
          AccessTokenGrantEntity,
          'access',
          'access.tokenId = token.id',
        )
        .where('access.workspaceId = :workspaceId', { workspaceId })
        .orderBy('token.id', 'DESC')
        .limit(limit + 1);
      if (after !== undefined) query.andWhere('token.id < :after', { after });
      const tokens = (await query.getMany()) as (AccessTokenEntity & {
        access: AccessTokenGrantEntity;
      })[];
      return tokens.map((token) => ({ id: token.id, role: token.access.role, token }));
    });
  }

  /**
   * Takes a token's access to the workspace away; in its home workspace that deletes the token. Holds from
   * the next request on.
   * @throws {AppError} `not_found`; `forbidden` above the caller's role; `conflict` for the last owner.
   */
  async revoke(principal: Principal, tokenId: string): Promise<void> {
    const { workspaceId } = principal;
    await this.tenants.write(workspaceId, async (manager) => {
      // Two owners that revoke each other at the same moment must not both succeed.
      await manager.findOneOrFail(WorkspaceEntity, {
        where: { id: workspaceId },
        lock: { mode: 'pessimistic_write' },
      });
      const grant = await manager.findOneBy(AccessTokenGrantEntity, { tokenId, workspaceId });
      if (grant === null) throw new AppError('not_found', 'No such token.');
      if (!includesRole(principal.role, grant.role)) {
        throw new AppError('forbidden', 'A token of a higher role cannot be revoked.');
      }
      if (grant.role === 'owner' && !(await hasOtherOwner(manager, workspaceId, tokenId))) {
        throw new AppError('conflict', 'The last owner token of a workspace cannot be revoked.');
      }
      await manager.delete(AccessTokenGrantEntity, { tokenId, workspaceId });
      await manager.delete(AccessTokenEntity, { id: tokenId, homeWorkspaceId: workspaceId });
    });
  }
}

/** Whether another token that still works owns the workspace. */
async function hasOtherOwner(
  manager: EntityManager,
  workspaceId: string,
  tokenId: string,
): Promise<boolean> {
  const rows = await manager.query<unknown[]>(
    `SELECT 1 FROM access_token_grants access JOIN access_tokens token ON token.id = access.token_id
      WHERE access.workspace_id = $1 AND access.role = 'owner' AND token.id <> $2
        AND (token.expires_at IS NULL OR token.expires_at > now()) LIMIT 1`,
    [workspaceId, tokenId],
  );
  return rows.length > 0;
}

function expiryOrThrow(text: string | undefined): Date {
  const now = Date.now();
  if (text === undefined) return new Date(now + DEFAULT_LIFETIME_MS);
  const expiresAt = new Date(text);
  const lifetimeMs = expiresAt.getTime() - now;
  if (!(lifetimeMs > 0 && lifetimeMs <= LIFETIME_MS_MAX)) {
    throw new AppError('validation_failed', 'Invalid: /expiresAt. See `errors`.', {
      fields: [{ pointer: '/expiresAt', message: 'must be in the future and within a year' }],
    });
  }
  return expiresAt;
}
