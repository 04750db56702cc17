import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { appendAuditEvents } from '../audit-trail';
import { AppError } from '../common';
import { CryptoRefused } from '../crypto';
import { TenantDatabase } from '../database';
import type { DeliveryOutcome } from './delivery/delivery-outcome';
import { WebhookSender } from './delivery/webhook-sender';
import type { WebhookEntity } from './webhook.entity';
import { auditedWebhook } from './webhook-audit';
import { WebhookSecrets } from './webhook-secrets';
import { findOrThrow } from './webhooks.service';

/** Sends a signed `webhook.test` at once, also to a disabled webhook. It is not repeated and not in the log. */
@Injectable()
export class WebhookTests {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly secrets: WebhookSecrets,
    private readonly sender: WebhookSender,
  ) {}

  /**
   * A refusal is a result, not an error.
   * @throws {AppError} `not_found`
   */
  async run(workspaceId: string, id: string): Promise<DeliveryOutcome> {
    const webhook = await this.tenants.read(workspaceId, (manager) =>
      findOrThrow(manager, { id, workspaceId }),
    );
    const outcome = await this.send(webhook);
    const category = outcome.errorCategory ?? 'ok';
    await this.tenants.write(workspaceId, (manager) =>
      appendAuditEvents(manager, auditedWebhook('webhook.tested', webhook, { category })),
    );
    return outcome;
  }

  private async send(webhook: WebhookEntity): Promise<DeliveryOutcome> {
    const { id, workspaceId, url } = webhook;
    try {
      const secrets = await this.secrets.open(webhook);
      if (secrets.length === 0) throw new AppError('not_found', 'No such webhook.');
      return await this.sender.send(
        url,
        {
          id: uuidv7(),
          type: 'webhook.test',
          occurredAt: new Date(),
          data: { workspaceId, webhookId: id },
        },
        secrets,
      );
    } catch (error) {
      if (!(error instanceof CryptoRefused)) throw error;
      return { errorCategory: 'secret_unreadable', responseStatus: null, latencyMs: 0 };
    }
  }
}
