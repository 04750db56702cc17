import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

import { appendAuditEvents } from '../../audit-trail';
import { TenantDatabase } from '../../database';
import { DataKeyEntity } from '../data-key.entity';
import type { StoredDataKey } from '../data-key.store';

const COLUMNS = `id, workspace_id AS "workspaceId", root_key_id AS "rootKeyId", wrapped`;

/** The column is for counting; what decides is the id in the text. A row counts under both. */
const UNDER_OTHERS = `(root_key_id <> $1 OR split_part(wrapped, ':', 3) <> $1)`;
const UNDER_THIS = `(root_key_id = $1 OR split_part(wrapped, ':', 3) = $1)`;

/** In the chain of the server: a root key belongs to no workspace, and its id is no UUID. */
const ROOT_KEY_ROTATED = {
  workspaceId: null,
  action: 'root-key.rotated',
  subjectId: null,
} as const;

export interface RewrappedDataKey {
  readonly id: string;
  readonly wrapped: string;
}

/** The data keys that one root key wraps. */
export interface RootKeyUse {
  readonly rootKeyId: string;
  readonly scheme: string;
  readonly dataKeys: number;
  readonly oldest: Date;
  readonly newest: Date;
}

export interface BatchRequest {
  /** Rows under other root keys than this one are wanted. */
  readonly activeKeyId: string;
  /** Id of the last row of the batch before. */
  readonly after: string | null;
  readonly limit: number;
}

/**
 * `workspace_data_keys` beyond the opening of one data key. What goes over all workspaces finds their rows on a
 * connection of the role `keyrun_definer` only, which is that of the command line and not that of the server.
 */
@Injectable()
export class RotationStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
  ) {}

  /** Work on the rows of one workspace, all of it or nothing. */
  async inWorkspace<T>(
    workspaceId: string,
    work: (transaction: EntityManager) => Promise<T>,
  ): Promise<T> {
    return this.tenants.write(workspaceId, work);
  }

  /**
   * Re-wraps the next rows in one transaction, which leaves one audit event; rows that another run works on are left
   * to it.
   * @returns the id of the last row; null if there was none
   */
  async rewrapBatch(
    { activeKeyId, after, limit }: BatchRequest,
    rewrap: (rows: readonly StoredDataKey[]) => Promise<readonly RewrappedDataKey[]>,
  ): Promise<string | null> {
    return this.dataSource.transaction(async (transaction) => {
      const rows = await transaction.query<StoredDataKey[]>(
        `SELECT ${COLUMNS} FROM workspace_data_keys
          WHERE ${UNDER_OTHERS} AND ($2::uuid IS NULL OR id > $2)
          ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED`,
        [activeKeyId, after, limit],
      );
      const rewrapped = await rewrap(rows);
      await transaction.query(
        `UPDATE workspace_data_keys AS stored SET wrapped = renewed.wrapped, root_key_id = $1
           FROM unnest($2::uuid[], $3::text[]) AS renewed (id, wrapped)
          WHERE stored.id = renewed.id`,
        [activeKeyId, rewrapped.map(({ id }) => id), rewrapped.map(({ wrapped }) => wrapped)],
      );
      if (rewrapped.length > 0) {
        const details = { rootKeyId: activeKeyId, dataKeys: rewrapped.length };
        await appendAuditEvents(transaction, { ...ROOT_KEY_ROTATED, details });
      }
      return rows.at(-1)?.id ?? null;
    });
  }

  /** Number of data keys that another root key wraps, without the given ones. */
  async countUnderOthers(activeKeyId: string, without: readonly string[] = []): Promise<number> {
    return this.count(`${UNDER_OTHERS} AND id <> ALL($2::uuid[])`, [activeKeyId, without]);
  }

  async countUnder(rootKeyId: string): Promise<number> {
    return this.count(UNDER_THIS, [rootKeyId]);
  }

  async listUses(): Promise<RootKeyUse[]> {
    return this.dataSource.query<RootKeyUse[]>(`
      SELECT split_part(wrapped, ':', 3) AS "rootKeyId", split_part(wrapped, ':', 2) AS scheme,
             count(*)::integer AS "dataKeys", min(created_at) AS oldest, max(created_at) AS newest
        FROM workspace_data_keys GROUP BY 1, 2 ORDER BY 1, 2`);
  }

  /** Every data key, in pages. */
  async *pages(limit: number): AsyncIterable<readonly StoredDataKey[]> {
    let after: string | null = null;
    for (;;) {
      const rows: StoredDataKey[] = await this.dataSource.query<StoredDataKey[]>(
        `SELECT ${COLUMNS} FROM workspace_data_keys
          WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
        [after, limit],
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      after = last.id;
    }
  }

  /** Every workspace that has a data key. */
  async listWorkspaceIds(): Promise<string[]> {
    const rows = await this.dataSource.query<{ workspaceId: string }[]>(
      `SELECT DISTINCT workspace_id AS "workspaceId" FROM workspace_data_keys
        WHERE workspace_id IS NOT NULL ORDER BY 1`,
    );
    return rows.map(({ workspaceId }) => workspaceId);
  }

  /** The active data key of the workspace with its age; null if it has none. */
  async findActive(workspaceId: string): Promise<DataKeyEntity | null> {
    return this.tenants.read(workspaceId, (transaction) =>
      transaction.findOneBy(DataKeyEntity, { workspaceId, state: 'active' }),
    );
  }

  /** The active data key of the workspace, locked: nobody seals under it until the transaction ends. */
  async lock(workspaceId: string, transaction: EntityManager): Promise<DataKeyEntity> {
    return transaction.findOneOrFail(DataKeyEntity, {
      where: { workspaceId, state: 'active' },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /**
   * Puts a new data key in the place of a locked one, which is gone then. It is the same row, so that who waits for the
   * lock goes on with the new data key.
   */
  async supersede(
    replaced: DataKeyEntity,
    { id, rootKeyId, wrapped }: StoredDataKey,
    transaction: EntityManager,
  ): Promise<DataKeyEntity> {
    const createdAt = () => 'now()';
    const changes = { id, rootKeyId, wrapped, createdAt };
    await transaction.update(DataKeyEntity, { id: replaced.id }, changes);
    return transaction.findOneByOrFail(DataKeyEntity, { id });
  }

  private async count(condition: string, parameters: unknown[]): Promise<number> {
    const [row] = await this.dataSource.query<[{ count: number }]>(
      `SELECT count(*)::integer AS count FROM workspace_data_keys WHERE ${condition}`,
      parameters,
    );
    return row.count;
  }
}
