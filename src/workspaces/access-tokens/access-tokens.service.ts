import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { appendAuditEvents, type AuditAction } from '../../audit-trail';
import { AppError, type ListQuery } from '../../common';
import { CryptoService } from '../../crypto';
import { TenantDatabase } from '../../database';
import { type Authority, refuseBeyond } from '../access/authority';
import type { Principal } from '../access/principal';
import { includesRole, type Role, roleAllows } from '../access/roles';
import type { CreateAccessTokenDto } from './access-token.dto';
import { AccessTokenEntity, AccessTokenGrantEntity } from './access-token.entity';
import { generateAccessToken } from './access-token.format';
import { passOnWorkspaces, workspacesOwnedAlone } from './pass-on-workspaces';

const DAY_MS = 86_400_000;
const DEFAULT_LIFETIME_MS = 90 * DAY_MS;
const LIFETIME_MS_MAX = 366 * DAY_MS;

/** A token with its role in one workspace. */
export interface GrantedToken {
  readonly id: string;
  readonly role: Role;
  readonly token: AccessTokenEntity;
}

interface NewToken extends Authority {
  readonly workspaceId: string;
  readonly name: string;
  readonly text: string;
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
   * @throws {AppError} `forbidden` when it would get more than the caller has.
   */
  async create(
    principal: Principal,
    input: CreateAccessTokenDto,
  ): Promise<{ granted: GrantedToken; text: string }> {
    const authority = {
      role: input.role,
      scopes: input.scopes ?? null,
      agentId: input.agentId ?? null,
      expiresAt: expiryOrThrow(input.expiresAt, principal.expiresAt),
    };
    refuseIdleScopes(authority);
    refuseBeyond(principal, authority);
    const text = generateAccessToken();
    const granted = await this.tenants.write(principal.workspaceId, (manager) =>
      this.insert(manager, {
        ...authority,
        workspaceId: principal.workspaceId,
        name: input.name,
        text,
      }),
    );
    return { granted, text };
  }

  /** Stores a token and its grant on its home workspace. */
  async insert(manager: EntityManager, input: NewToken): Promise<GrantedToken> {
    const id = uuidv7();
    await manager.insert(AccessTokenEntity, {
      id,
      homeWorkspaceId: input.workspaceId,
      name: input.name,
      digest: await this.crypto.digestToken(input.text),
      last4: input.text.slice(-4),
      expiresAt: input.expiresAt,
      scopes: input.scopes === null ? null : [...input.scopes],
      agentId: input.agentId,
    });
    await manager.insert(AccessTokenGrantEntity, {
      tokenId: id,
      workspaceId: input.workspaceId,
      role: input.role,
    });
    const token = await manager.findOneByOrFail(AccessTokenEntity, { id });
    const granted = { id, role: input.role, token };
    await appendAuditEvents(manager, audited('token.created', input.workspaceId, granted));
    return granted;
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
   * Takes a token's access to the workspace away; in its home workspace that deletes the token, and other
   * workspaces that it alone owned pass on to the caller. Holds from the next request on.
   * @throws {AppError} `not_found`; `forbidden` above the caller's role; `conflict` for the last owner.
   */
  async revoke(principal: Principal, tokenId: string): Promise<void> {
    const { workspaceId } = principal;
    await this.tenants.write(workspaceId, async (manager) => {
      // Two owners that revoke each other at the same moment must not both succeed.
      await manager.query('SELECT FROM workspaces WHERE id = $1 FOR UPDATE', [workspaceId]);
      const grant = await manager.findOneBy(AccessTokenGrantEntity, { tokenId, workspaceId });
      if (grant === null) throw new AppError('not_found', 'No such token.');
      if (!includesRole(principal.role, grant.role)) {
        throw new AppError('forbidden', 'A token of a higher role cannot be revoked.');
      }
      const isAtHome = await manager.existsBy(AccessTokenEntity, {
        id: tokenId,
        homeWorkspaceId: workspaceId,
      });
      const ownedAlone = await workspacesOwnedAlone(manager, tokenId);
      refuseLastOwner(
        ownedAlone,
        (ownedId) =>
          // Elsewhere an owner takes over, unless it is the caller that goes.
          ownedId === workspaceId ||
          (isAtHome && (tokenId === principal.tokenId || principal.role !== 'owner')),
      );
      if (isAtHome) {
        await passOnWorkspaces(manager, principal, tokenId, ownedAlone);
      }
      const token = await manager.findOneByOrFail(AccessTokenEntity, { id: tokenId });
      await manager.delete(AccessTokenGrantEntity, { tokenId, workspaceId });
      await manager.delete(AccessTokenEntity, { id: tokenId, homeWorkspaceId: workspaceId });
      const revoked = { id: tokenId, role: grant.role, token };
      await appendAuditEvents(manager, audited('token.revoked', workspaceId, revoked));
    });
  }
}

function audited(action: AuditAction, workspaceId: string, { id, role, token }: GrantedToken) {
  const { name, last4 } = token;
  const expiresAt = token.expiresAt?.toISOString() ?? null;
  return { workspaceId, action, subjectId: id, details: { name, role, last4, expiresAt } };
}

function refuseLastOwner(
  ownedAlone: readonly string[],
  isLost: (workspaceId: string) => boolean,
): void {
  if (!ownedAlone.some(isLost)) return;
  throw new AppError(
    'conflict',
    'The last owner token of a workspace cannot be revoked. Rotate it, or make another owner first.',
  );
}

/** A scope that the role does not have would promise what the token cannot do. */
function refuseIdleScopes({ role, scopes }: Authority): void {
  const idle = (scopes ?? []).filter((scope) => !roleAllows(role, scope));
  if (idle.length === 0) return;
  throw new AppError('validation_failed', 'Invalid: /scopes. See `errors`.', {
    fields: [
      { pointer: '/scopes', message: `the role ${role} does not include: ${idle.join(', ')}` },
    ],
  });
}

function expiryOrThrow(text: string | undefined, makerExpiresAt: Date | null): Date {
  const now = Date.now();
  if (text === undefined) {
    return new Date(Math.min(now + DEFAULT_LIFETIME_MS, makerExpiresAt?.getTime() ?? Infinity));
  }
  const expiresAt = new Date(text);
  const lifetimeMs = expiresAt.getTime() - now;
  if (!(lifetimeMs > 0 && lifetimeMs <= LIFETIME_MS_MAX)) {
    throw new AppError('validation_failed', 'Invalid: /expiresAt. See `errors`.', {
      fields: [{ pointer: '/expiresAt', message: 'must be in the future and within a year' }],
    });
  }
  return expiresAt;
}
