import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type SealingContext, type SecretColumns, SecretTable } from '../crypto';
import type { WebhookSecretEntity } from './webhook.entity';

type SecretRow = Pick<WebhookSecretEntity, 'id' | 'workspaceId' | 'webhookId' | 'encryptedSecret'>;

/** What a stored secret is bound to. It is never sent anywhere, so the URL of its webhook may change. */
export function sealingContext(
  secret: Pick<WebhookSecretEntity, 'id' | 'workspaceId' | 'webhookId'>,
): SealingContext {
  return {
    workspaceId: secret.workspaceId,
    rowId: secret.id,
    provider: 'webhook',
    destination: `webhook:${secret.webhookId}`,
    field: 'webhook_secret',
  };
}

const SECRETS: SecretColumns<SecretRow> = {
  table: 'webhook_secrets',
  envelope: 'encrypted_secret',
  columns: `id, workspace_id AS "workspaceId", webhook_id AS "webhookId",
    encrypted_secret AS "encryptedSecret"`,
  toSealedSecret: (row) => ({ context: sealingContext(row), envelope: row.encryptedSecret }),
};

/** The secrets in `webhook_secrets`. */
@Injectable()
export class WebhookSecretStore extends SecretTable<SecretRow> {
  constructor(dataSource: DataSource) {
    super(dataSource, SECRETS);
  }

  /** Nothing to keep: each attempt to deliver finds out anew, and says so in its log. */
  override note(): Promise<void> {
    return Promise.resolve();
  }
}
