import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { TenantDatabase } from '../database';
import { DataKeyEntity } from './data-key.entity';
import type { DataKeyStore, StoredDataKey } from './data-key.store';

/** The table `workspace_data_keys`. */
@Injectable()
export class PostgresDataKeyStore implements DataKeyStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
  ) {}

  async findActive(
    workspaceId: string | null,
    transaction?: EntityManager,
  ): Promise<StoredDataKey | null> {
    const where = { ...ownedBy(workspaceId), state: 'active' as const };
    if (transaction === undefined) {
      return this.inWorkspace(workspaceId, (manager) => manager.findOneBy(DataKeyEntity, where));
    }
    return transaction.findOne(DataKeyEntity, { where, lock: { mode: 'for_key_share' } });
  }

  async findById(workspaceId: string | null, dataKeyId: string): Promise<StoredDataKey | null> {
    const where = { ...ownedBy(workspaceId), id: dataKeyId };
    return this.inWorkspace(workspaceId, (manager) => manager.findOneBy(DataKeyEntity, where));
  }

  async insert(key: StoredDataKey, transaction?: EntityManager): Promise<boolean> {
    if (transaction !== undefined) return insertOnce(key, transaction);
    if (key.workspaceId === null) return insertOnce(key, this.dataSource.manager);
    return this.tenants.write(key.workspaceId, (manager) => insertOnce(key, manager));
  }

  async replaceWrapped(
    key: StoredDataKey,
    replacement: Pick<StoredDataKey, 'rootKeyId' | 'wrapped'>,
  ): Promise<boolean> {
    const { id, workspaceId, wrapped } = key;
    const replace = async (manager: EntityManager) => {
      const { affected } = await manager.update(
        DataKeyEntity,
        { ...ownedBy(workspaceId), id, wrapped },
        { rootKeyId: replacement.rootKeyId, wrapped: replacement.wrapped },
      );
      return affected === 1;
    };
    if (workspaceId === null) return replace(this.dataSource.manager);
    // Whoever opened the data key had the right to; that its root key changed is the business of the server.
    return this.tenants.writeAsServer(workspaceId, replace);
  }

  async listRootKeyIds(): Promise<{ rootKeyId: string; dataKeys: number }[]> {
    return this.dataSource.query<{ rootKeyId: string; dataKeys: number }[]>(
      `SELECT root_key_id AS "rootKeyId", data_keys AS "dataKeys" FROM count_data_keys_by_root_key()`,
    );
  }

  async deleteAll(workspaceId: string, transaction: EntityManager): Promise<void> {
    await transaction.delete(DataKeyEntity, { workspaceId });
  }

  /** The server's own data key is there outside of any workspace only. */
  private async inWorkspace<T>(
    workspaceId: string | null,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    if (workspaceId === null) return work(this.dataSource.manager);
    return this.tenants.read(workspaceId, work);
  }
}

function ownedBy(workspaceId: string | null) {
  return { workspaceId: workspaceId === null ? IsNull() : workspaceId };
}

async function insertOnce(key: StoredDataKey, manager: EntityManager): Promise<boolean> {
  const result = await manager
    .createQueryBuilder()
    .insert()
    .into(DataKeyEntity)
    .values({ ...key, state: 'active' })
    .orIgnore()
    .returning('id')
    .execute();
  return (result.raw as unknown[]).length === 1;
}
