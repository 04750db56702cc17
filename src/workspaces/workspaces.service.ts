import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { appendAuditEvents, type AuditDetails, closeAuditTrail } from '../audit-trail';
import { AppError, type ListQuery } from '../common';
import { DataKeys } from '../crypto';
import { TenantDatabase } from '../database';
import { AccessTokenGrantEntity } from './access-tokens/access-token.entity';
import type { Principal } from './access/principal';
import type { Role } from './access/roles';
import { WorkspaceEntity } from './workspace.entity';

/** What may be changed of a workspace; absent: stays as it is. */
export type WorkspaceChanges = Partial<
  Pick<WorkspaceEntity, 'name' | 'storeContent' | 'onDisconnect' | 'storeAtProvider'>
>;

/** A workspace, and the role that a token has in it. */
export type GrantedWorkspace = WorkspaceEntity & { readonly role: Role };

@Injectable()
export class WorkspacesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
    private readonly dataKeys: DataKeys,
  ) {}

  /** Creates a workspace with its own data key; the calling token becomes its owner. */
  async create(principal: Principal, name: string): Promise<WorkspaceEntity> {
    const id = uuidv7();
    return this.tenants.writeAsServer(id, async (manager) => {
      const workspace = await this.insert(manager, id, name);
      await manager.insert(AccessTokenGrantEntity, {
        tokenId: principal.tokenId,
        workspaceId: id,
        role: 'owner',
      });
      return workspace;
    });
  }

  /** Stores a workspace and its data key, in a transaction that is confined to it. */
  async insert(manager: EntityManager, id: string, name: string): Promise<WorkspaceEntity> {
    await manager.insert(WorkspaceEntity, { id, name });
    await this.dataKeys.create(id, manager);
    await appendAuditEvents(manager, named(id, 'workspace.created', name));
    return manager.findOneByOrFail(WorkspaceEntity, { id });
  }

  /** The workspaces that the token has access to, newest first; one more than the limit if there is one. */
  async list(principal: Principal, { limit, after }: ListQuery): Promise<GrantedWorkspace[]> {
    return this.dataSource.query<GrantedWorkspace[]>(
      `SELECT id, name, store_content AS "storeContent", on_disconnect AS "onDisconnect",
              store_at_provider AS "storeAtProvider", created_at AS "createdAt",
              updated_at AS "updatedAt", role
         FROM list_workspaces_of_token($1, $2, $3)
         JOIN list_roles_of_token($1) ON workspace_id = id ORDER BY id DESC`,
      [principal.tokenId, after ?? null, limit + 1],
    );
  }

  /** @throws {AppError} `not_found` */
  async get(id: string): Promise<WorkspaceEntity> {
    return this.tenants.read(id, (manager) => findOrThrow(manager, id));
  }

  /** @throws {AppError} `not_found` */
  async update(id: string, changes: WorkspaceChanges): Promise<WorkspaceEntity> {
    const { name, ...settings } = changes;
    const entries: [string, unknown][] = Object.entries(settings);
    const changed = entries.filter(([, value]) => value !== undefined);
    if (name === undefined && changed.length === 0) {
      throw new AppError('validation_failed', 'Name at least one field to change.');
    }
    return this.tenants.write(id, async (manager) => {
      await manager.update(WorkspaceEntity, { id }, { name, ...Object.fromEntries(changed) });
      const workspace = await findOrThrow(manager, id);
      if (name !== undefined)
        await appendAuditEvents(manager, named(id, 'workspace.renamed', name));
      if (changed.length > 0) {
        const details = Object.fromEntries(changed) as AuditDetails;
        const action = 'workspace.settings-changed';
        await appendAuditEvents(manager, { workspaceId: id, action, subjectId: id, details });
      }
      return workspace;
    });
  }

  /**
   * Destroys the data keys, so that every sealed copy becomes unreadable, then all rows of the workspace. Its
   * audit trail goes with it; where that ended is kept in the trail of the server.
   * @throws {AppError} `conflict` when another workspace would have no owner left.
   */
  async delete(id: string): Promise<void> {
    await this.tenants.write(id, async (manager) => {
      await refuseIfOthersNeedIt(manager, id);
      await this.dataKeys.destroy(id, manager);
      const details = await closeAuditTrail(manager, id);
      const { affected } = await manager.delete(WorkspaceEntity, { id });
      if (affected === 0) throw new AppError('not_found', 'No such workspace.');
      await appendAuditEvents(manager, {
        workspaceId: null,
        action: 'workspace.deleted',
        subjectId: id,
        details,
      });
    });
    this.dataKeys.evict(id);
  }
}

function named(id: string, action: 'workspace.created' | 'workspace.renamed', name: string) {
  return { workspaceId: id, action, subjectId: id, details: { name } };
}

async function findOrThrow(manager: EntityManager, id: string): Promise<WorkspaceEntity> {
  const workspace = await manager.findOneBy(WorkspaceEntity, { id });
  if (workspace === null) throw new AppError('not_found', 'No such workspace.');
  return workspace;
}

/** With a workspace go the tokens whose home it is. */
async function refuseIfOthersNeedIt(manager: EntityManager, id: string): Promise<void> {
  const [row] = await manager.query<{ needed: boolean }[]>(
    'SELECT leaves_ownerless_elsewhere($1) AS needed',
    [id],
  );
  if (row?.needed !== true) return;
  throw new AppError(
    'conflict',
    'A token of this workspace is the only owner of another one. Give that one another owner first.',
  );
}
