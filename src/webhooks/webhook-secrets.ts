import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { AppError, Secret } from '../common';
import { CryptoRefused, CryptoService } from '../crypto';
import { TenantDatabase } from '../database';
import { DeliveryClock } from './delivery/delivery-clock';
import { WebhookSecretEntity } from './webhook.entity';
import { sealingContext } from './webhook-secret-store';

const SECRET_BYTES = 32;
/** Each adds a signature to every request. */
const SECRETS_MAX = 5;

const LIVE = `expires_at IS NULL OR expires_at > clock_timestamp() + make_interval(secs => $2 / 1000.0)`;

/** Which webhook, and whose. */
export interface WebhookKey {
  readonly id: string;
  readonly workspaceId: string;
}

type SealedRow = Pick<WebhookSecretEntity, 'id' | 'encryptedSecret'>;

/** Makes, rotates and opens the secrets that sign. */
@Injectable()
export class WebhookSecrets {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly crypto: CryptoService,
    private readonly clock: DeliveryClock,
  ) {}

  /** Makes a secret, seals and stores it. The only time that it is seen. */
  async add(manager: EntityManager, webhook: WebhookKey): Promise<Secret> {
    const secret = new Secret(`whsec_${randomBytes(SECRET_BYTES).toString('base64')}`);
    const row = { id: uuidv7(), workspaceId: webhook.workspaceId, webhookId: webhook.id };
    await manager.insert(WebhookSecretEntity, {
      ...row,
      encryptedSecret: await this.crypto.encryptApiKey(secret, sealingContext(row), manager),
    });
    return secret;
  }

  /**
   * Makes a new secret; every one before it signs for `overlapSeconds` more, and no longer than it would have.
   * @throws {AppError} `unprocessable` when too many would sign at once.
   */
  async rotate(
    manager: EntityManager,
    webhook: WebhookKey,
    overlapSeconds: number,
  ): Promise<Secret> {
    const { id } = webhook;
    const aheadMs = this.clock.aheadMs();
    await manager.query(
      `UPDATE webhook_secrets SET expires_at = least(expires_at,
          clock_timestamp() + make_interval(secs => $2 / 1000.0 + $3)) WHERE webhook_id = $1`,
      [id, aheadMs, overlapSeconds],
    );
    await manager.query(`DELETE FROM webhook_secrets WHERE webhook_id = $1 AND NOT (${LIVE})`, [
      id,
      aheadMs,
    ]);
    if ((await manager.countBy(WebhookSecretEntity, { webhookId: id })) >= SECRETS_MAX) {
      throw new AppError(
        'unprocessable',
        `${SECRETS_MAX} secrets sign already. Rotate with overlapSeconds 0, or wait until one has expired.`,
      );
    }
    return this.add(manager, webhook);
  }

  /** Every secret that signs now, newest first, without the secrets themselves. */
  async list(
    manager: EntityManager,
    webhookIds: readonly string[],
  ): Promise<WebhookSecretEntity[]> {
    return manager.query<WebhookSecretEntity[]>(
      `SELECT id, webhook_id AS "webhookId", created_at AS "createdAt", expires_at AS "expiresAt"
         FROM webhook_secrets WHERE webhook_id = ANY ($1) AND (${LIVE}) ORDER BY id DESC`,
      [webhookIds, this.clock.aheadMs()],
    );
  }

  /**
   * Every secret that signs now, opened, newest first; none: there is no such webhook.
   * @throws {CryptoRefused} one of them does not open.
   * @throws {AppError} `key_service_unavailable`
   */
  async open(webhook: WebhookKey): Promise<Secret[]> {
    let rows = await this.read(webhook);
    for (;;) {
      try {
        return await this.openAll(webhook, rows);
      } catch (error) {
        if (!(error instanceof CryptoRefused)) throw error;
        // A rotation of the data key may have come between reading the rows and opening them.
        const current = await this.read(webhook);
        if (envelopesOf(current) === envelopesOf(rows)) throw error;
        rows = current;
      }
    }
  }

  private async openAll(webhook: WebhookKey, rows: readonly SealedRow[]): Promise<Secret[]> {
    const { id: webhookId, workspaceId } = webhook;
    return Promise.all(
      rows.map(({ id, encryptedSecret }) =>
        this.crypto.decryptApiKey(encryptedSecret, sealingContext({ id, workspaceId, webhookId })),
      ),
    );
  }

  private async read({ id, workspaceId }: WebhookKey): Promise<SealedRow[]> {
    return this.tenants.read(workspaceId, (manager) =>
      manager.query<SealedRow[]>(
        `SELECT id, encrypted_secret AS "encryptedSecret" FROM webhook_secrets
          WHERE webhook_id = $1 AND (${LIVE}) ORDER BY id DESC`,
        [id, this.clock.aheadMs()],
      ),
    );
  }
}

function envelopesOf(rows: readonly SealedRow[]): string {
  return rows.map(({ encryptedSecret }) => encryptedSecret).join();
}
