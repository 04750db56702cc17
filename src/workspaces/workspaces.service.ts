import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { AppError, type ListQuery } from '../common';
import { DataKeys } from '../crypto';
import { AccessTokenGrantEntity } from './access-tokens/access-token.entity';
import type { Principal } from './access/principal';
import { WorkspaceEntity } from './workspace.entity';

@Injectable()
export class WorkspacesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly dataKeys: DataKeys,
  ) {}

  /** Creates a workspace with its own data key; the calling token becomes its owner. */
  async create(principal: Principal, name: string): Promise<WorkspaceEntity> {
    return this.dataSource.transaction(async (manager) => {
      const workspace = await this.insert(manager, name);
      await manager.insert(AccessTokenGrantEntity, {
        tokenId: principal.tokenId,
        workspaceId: workspace.id,
        role: 'owner',
      });
      return workspace;
    });
  }

  /** Stores a workspace and its data key. */
  async insert(manager: EntityManager, name: string): Promise<WorkspaceEntity> {
    const id = uuidv7();
    await manager.insert(WorkspaceEntity, { id, name });
    await this.dataKeys.create(id, manager);
    return manager.findOneByOrFail(WorkspaceEntity, { id });
  }

  /** The workspaces that the token has access to, newest first; one more than the limit if there is one. */
  async list(principal: Principal, { limit, after }: ListQuery): Promise<WorkspaceEntity[]> {
    const query = this.dataSource
      .createQueryBuilder(WorkspaceEntity, 'workspace')
      .innerJoin(AccessTokenGrantEntity, 'access', 'access.workspaceId = workspace.id')
      .where('access.tokenId = :tokenId', { tokenId: principal.tokenId })
      .orderBy('workspace.id', 'DESC')
      .limit(limit + 1);
    if (after !== undefined) query.andWhere('workspace.id < :after', { after });
    return query.getMany();
  }

  /** @throws {AppError} `not_found` */
  async get(id: string): Promise<WorkspaceEntity> {
    const workspace = await this.dataSource.manager.findOneBy(WorkspaceEntity, { id });
    if (workspace === null) throw new AppError('not_found', 'No such workspace.');
    return workspace;
  }

  /** @throws {AppError} `not_found` */
  async rename(id: string, name: string): Promise<WorkspaceEntity> {
    await this.dataSource.manager.update(WorkspaceEntity, { id }, { name });
    return this.get(id);
  }

  /** Destroys the data keys, so that every sealed copy becomes unreadable, then all rows of the workspace. */
  async delete(id: string): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await this.dataKeys.destroy(id, manager);
      await manager.delete(WorkspaceEntity, { id });
    });
    this.dataKeys.evict(id);
  }
}
