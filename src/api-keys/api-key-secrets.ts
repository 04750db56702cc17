import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { ResealedSecret, SealedSecret, SecretStore, SecretVerdict } from '../crypto';
import type { ApiKeyEntity } from './api-key.entity';
import { sealingContext } from './api-key-sealing';

type SecretRow = Pick<ApiKeyEntity, 'id' | 'workspaceId' | 'provider' | 'baseUrl' | 'encryptedKey'>;

const COLUMNS = `id, workspace_id AS "workspaceId", provider, base_url AS "baseUrl",
  encrypted_key AS "encryptedKey"`;

/**
 * The secrets in `api_keys`, for the rotation and the verification of keys. What goes over all workspaces finds
 * their rows on a connection of the role `keyrun_definer` only.
 */
@Injectable()
export class ApiKeySecrets implements SecretStore {
  constructor(private readonly dataSource: DataSource) {}

  async *pages(limit: number): AsyncIterable<readonly SealedSecret[]> {
    let after: string | null = null;
    for (;;) {
      const rows: SecretRow[] = await this.dataSource.query<SecretRow[]>(
        `SELECT ${COLUMNS} FROM api_keys WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
        [after, limit],
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(toSealedSecret);
      after = last.id;
    }
  }

  async lock(workspaceId: string, transaction: EntityManager): Promise<readonly SealedSecret[]> {
    const rows = await transaction.query<SecretRow[]>(
      `SELECT ${COLUMNS} FROM api_keys WHERE workspace_id = $1 ORDER BY id FOR UPDATE`,
      [workspaceId],
    );
    return rows.map(toSealedSecret);
  }

  /** The secret itself stays the same, and with it its version and what is known of its health. */
  async replace(secrets: readonly ResealedSecret[], transaction: EntityManager): Promise<number> {
    const [, replaced] = await transaction.query<[unknown, number]>(
      `UPDATE api_keys AS stored SET encrypted_key = resealed.new_envelope
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

  async note(verdicts: readonly SecretVerdict[]): Promise<void> {
    await this.dataSource.query(
      `UPDATE api_keys AS stored
          SET health = CASE WHEN tried.opens THEN 'untested' ELSE 'unreadable' END
         FROM unnest($1::uuid[], $2::text[], $3::boolean[]) AS tried (id, envelope, opens)
        WHERE stored.id = tried.id AND stored.encrypted_key = tried.envelope
          AND (stored.health = 'unreadable') = tried.opens`,
      [
        verdicts.map(({ context }) => context.rowId),
        verdicts.map(({ envelope }) => envelope),
        verdicts.map(({ opens }) => opens),
      ],
    );
  }

  /** Keys of all workspaces that did not open when they were last tried; under any role. */
  async countUnreadable(): Promise<number> {
    const [row] = await this.dataSource.query<[{ count: number }]>(
      'SELECT count_unreadable_api_keys() AS count',
    );
    return row.count;
  }
}

function toSealedSecret(row: SecretRow): SealedSecret {
  return { context: sealingContext(row), envelope: row.encryptedKey };
}
