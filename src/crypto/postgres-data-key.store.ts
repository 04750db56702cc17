import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull } from 'typeorm';
import { DataKeyEntity } from './data-key.entity';
import type { DataKeyStore, StoredDataKey } from './data-key.store';

/** The table `workspace_data_keys`. */
@Injectable()
export class PostgresDataKeyStore implements DataKeyStore {
  constructor(private readonly dataSource: DataSource) {}

  async findActive(workspaceId: string | null): Promise<StoredDataKey | null> {
    return this.dataSource.manager.findOneBy(DataKeyEntity, {
      workspaceId: workspaceId === null ? IsNull() : workspaceId,
      state: 'active',
    });
  }

  async findById(workspaceId: string | null, dataKeyId: string): Promise<StoredDataKey | null> {
    return this.dataSource.manager.findOneBy(DataKeyEntity, {
      id: dataKeyId,
      workspaceId: workspaceId === null ? IsNull() : workspaceId,
    });
  }

  async insert(
    key: StoredDataKey,
    transaction: EntityManager = this.dataSource.manager,
  ): Promise<boolean> {
    const result = await transaction
      .createQueryBuilder()
      .insert()
      .into(DataKeyEntity)
      .values({ ...key, state: 'active' })
      .orIgnore()
      .returning('id')
      .execute();
    return (result.raw as unknown[]).length === 1;
  }

  async listRootKeyIds(): Promise<{ rootKeyId: string; dataKeys: number }[]> {
    return this.dataSource.query<{ rootKeyId: string; dataKeys: number }[]>(`
      SELECT root_key_id AS "rootKeyId", count(*)::integer AS "dataKeys"
        FROM workspace_data_keys GROUP BY root_key_id ORDER BY root_key_id`);
  }

  async deleteAll(workspaceId: string, transaction: EntityManager): Promise<void> {
    await transaction.delete(DataKeyEntity, { workspaceId });
  }
}
