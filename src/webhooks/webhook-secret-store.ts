import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { ResealedSecret, SealedSecret, SealingContext, SecretStore } from '../crypto';
import type { WebhookSecretEntity } from './webhook.entity';

type SecretRow = Pick<WebhookSecretEntity, 'id' | 'workspaceId' | 'webhookId' | 'encryptedSecret'>;

const COLUMNS = `id, workspace_id AS "workspaceId", webhook_id AS "webhookId",
  encrypted_secret AS "encryptedSecret"`;

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

/**
 * The secrets in `webhook_secrets`, for the rotation and the verification of keys. What goes over all workspaces finds
 * their rows on a connection of the role `keyrun_definer` only.
 */
@Injectable()
export class WebhookSecretStore implements SecretStore {
  constructor(private readonly dataSource: DataSource) {}

  async *pages(limit: number): AsyncIterable<readonly SealedSecret[]> {
    let after: string | null = null;
    for (;;) {
      const rows: SecretRow[] = await this.dataSource.query<SecretRow[]>(
        `SELECT ${COLUMNS} FROM webhook_secrets
          WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
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
      `SELECT ${COLUMNS} FROM webhook_secrets WHERE workspace_id = $1 ORDER BY id FOR UPDATE`,
      [workspaceId],
    );
    return rows.map(toSealedSecret);
  }

  async replace(secrets: readonly ResealedSecret[], transaction: EntityManager): Promise<number> {
    const [, replaced] = await transaction.query<[unknown, number]>(
      `UPDATE webhook_secrets AS stored SET encrypted_secret = resealed.new_envelope
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS resealed (id, envelope, new_envelope)
        WHERE stored.id = resealed.id AND stored.encrypted_secret = resealed.envelope`,
      [
        secrets.map(({ context }) => context.rowId),
        secrets.map(({ envelope }) => envelope),
        secrets.map(({ newEnvelope }) => newEnvelope),
      ],
    );
    return replaced;
  }

  /** Nothing to keep: each attempt to deliver finds out anew, and says so in its log. */
  async note(): Promise<void> {
    return Promise.resolve();
  }
}

function toSealedSecret(row: SecretRow): SealedSecret {
  return { context: sealingContext(row), envelope: row.encryptedSecret };
}
