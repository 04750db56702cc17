import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  contentKeyContext,
  type SecretColumns,
  SecretTable,
  type StoredContentKey,
} from '../crypto';

const KEYS: SecretColumns<StoredContentKey> = {
  table: 'content_keys',
  envelope: 'encrypted_key',
  columns: `id, workspace_id AS "workspaceId", encrypted_key AS envelope`,
  toSealedSecret: (row) => ({ context: contentKeyContext(row), envelope: row.envelope }),
};

/** The secrets in `content_keys`. */
@Injectable()
export class ContentKeySecrets extends SecretTable<StoredContentKey> {
  constructor(dataSource: DataSource) {
    super(dataSource, KEYS);
  }

  /** Nothing is kept: whoever needs a content key that does not open is told so at once. */
  override note(): Promise<void> {
    return Promise.resolve();
  }
}
