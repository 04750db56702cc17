import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type SecretColumns, SecretTable, type SecretVerdict } from '../crypto';
import type { ApiKeyEntity } from './api-key.entity';
import { sealingContext } from './api-key-sealing';

type SecretRow = Pick<ApiKeyEntity, 'id' | 'workspaceId' | 'provider' | 'baseUrl' | 'encryptedKey'>;

const KEYS: SecretColumns<SecretRow> = {
  table: 'api_keys',
  envelope: 'encrypted_key',
  columns: `id, workspace_id AS "workspaceId", provider, base_url AS "baseUrl",
    encrypted_key AS "encryptedKey"`,
  toSealedSecret: (row) => ({ context: sealingContext(row), envelope: row.encryptedKey }),
};

/** The secrets in `api_keys`, whose health tells whether they open. */
@Injectable()
export class ApiKeySecrets extends SecretTable<SecretRow> {
  constructor(dataSource: DataSource) {
    super(dataSource, KEYS);
  }

  override async note(verdicts: readonly SecretVerdict[]): Promise<void> {
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
