import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import {
  contentKeyContext,
  type ResealedSecret,
  type SealedSecret,
  type SecretStore,
  type StoredContentKey,
} from '../crypto';

const COLUMNS = `id, workspace_id AS "workspaceId", encrypted_key AS envelope`;

/**
 * The secrets in `content_keys`, for the rotation and the verification of keys. What goes over all workspaces finds
 * their rows on a connection of the role `keyrun_definer` only.
 */
@Injectable()
export class ContentKeySecrets implements SecretStore {
  constructor(private readonly dataSource: DataSource) {}

  async *pages(limit: number): AsyncIterable<readonly SealedSecret[]> {
    let after: string | null = null;
    for (;;) {
      const rows: StoredContentKey[] = await this.dataSource.query<StoredContentKey[]>(
        `SELECT ${COLUMNS} FROM content_keys WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
        [after, limit],
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(toSealedSecret);
      after = last.id;
    }
  }

  async lock(workspaceId: string, transaction: EntityManager): Promise<readonly SealedSecret[]> {
    const rows = await transaction.query<StoredContentKey[]>(
      `SELECT ${COLUMNS} FROM content_keys WHERE workspace_id = $1 ORDER BY id FOR UPDATE`,
      [workspaceId],
    );
    return rows.map(toSealedSecret);
  }

  async replace(secrets: readonly ResealedSecret[], transaction: EntityManager): Promise<number> {
    const [, replaced] = await transaction.query<[unknown, number]>(
      `UPDATE content_keys AS stored SET encrypted_key = resealed.new_envelope
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS resealed (id, envelope, new_envelope)
        WHERE stored.id = resealed.id AND stored.encrypted_key = resealed.envelope`,
      [
        secrets.map(({ context }) => context.rowId),
        secrets.map(({ envelope }) => envelope),
        secrets.map(({ newEnvelope }) => newEnvelope),
      ],
    );
    return replaced;
  }

  /** Nothing is kept: whoever needs a content key that does not open is told so at once. */
  note(): Promise<void> {
    return Promise.resolve();
  }
}

function toSealedSecret(row: StoredContentKey): SealedSecret {
  return { context: contentKeyContext(row), envelope: row.envelope };
}
