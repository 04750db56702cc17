import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { appendAuditEvents } from '../../audit-trail';
import { TenantDatabase } from '../../database';
import { auditedWebhook } from '../webhook-audit';
import { type WebhookEvent, WebhookEntity } from '../webhook.entity';
import { DeliveryClock } from './delivery-clock';
import type { DeliveryOutcome } from './delivery-outcome';

/** At one time, on all nodes together: a slow receiver holds up its own events only. */
const CONCURRENT_PER_WEBHOOK = 4;
/** Longer than any attempt takes; after it another node takes over. */
const LEASE_MS = 60_000;
const KEPT_DAYS = 30;
const FORGET_BATCH = 1_000;

const CLAIM = `
  SELECT id, lease_id AS "leaseId", workspace_id AS "workspaceId", webhook_id AS "webhookId", url, event, data,
         occurred_at AS "occurredAt", failures
    FROM claim_webhook_deliveries($1, $2, $3, $4)`;

/** A delivery that this node alone may send, for as long as the lease lasts. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly leaseId: string;
  readonly workspaceId: string;
  readonly webhookId: string;
  readonly url: string;
  readonly event: WebhookEvent;
  readonly data: object;
  readonly occurredAt: Date;
  /** Failed attempts that count, before this one. */
  readonly failures: number;
}

/** What follows from an attempt. `release`: it does not count, and whoever comes first repeats it. */
export type DeliveryVerdict =
  | { readonly verdict: 'delivered' | 'failed' | 'release' }
  | { readonly verdict: 'retry'; readonly waitMs: number };

/** The queue that all nodes work off: the statements of `keyrun_definer`. */
@Injectable()
export class DeliveryQueue {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
    private readonly clock: DeliveryClock,
  ) {}

  /** Takes at most so many of those that are due. */
  async claim(most: number): Promise<ClaimedDelivery[]> {
    return this.dataSource.query<ClaimedDelivery[]>(CLAIM, [
      most,
      CONCURRENT_PER_WEBHOOK,
      LEASE_MS,
      this.clock.aheadMs(),
    ]);
  }

  /** Records an attempt and what follows. A receiver that is gone is not told anything any more. */
  async finish(
    delivery: ClaimedDelivery,
    outcome: DeliveryOutcome,
    verdict: DeliveryVerdict,
  ): Promise<void> {
    if (outcome.errorCategory !== 'gone') {
      await this.record(this.dataSource, delivery, outcome, verdict);
      return;
    }
    await this.tenants.writeAsServer(delivery.workspaceId, async (manager) => {
      await this.record(manager, delivery, outcome, verdict);
      await disableGone(manager, delivery);
    });
  }

  /** Deletes what is a month old and no longer pending, and secrets that have expired. */
  async forget(): Promise<void> {
    for (let forgotten = FORGET_BATCH; forgotten === FORGET_BATCH;) {
      const [row] = await this.dataSource.query<[{ forgotten: number }]>(
        'SELECT forget_webhook_deliveries($1, $2) AS forgotten',
        [KEPT_DAYS, this.clock.aheadMs()],
      );
      forgotten = row.forgotten;
    }
  }

  private async record(
    connection: Pick<EntityManager, 'query'>,
    { id, leaseId }: ClaimedDelivery,
    { errorCategory, responseStatus, latencyMs }: DeliveryOutcome,
    { verdict, ...rest }: DeliveryVerdict,
  ): Promise<void> {
    await connection.query('SELECT finish_webhook_attempt($1, $2, $3, $4, $5)', [
      id,
      leaseId,
      verdict,
      JSON.stringify({ errorCategory, responseStatus, latencyMs, ...rest }),
      this.clock.aheadMs(),
    ]);
  }
}

/** Unless its URL was changed meanwhile: then it was another receiver that said so. */
async function disableGone(
  manager: EntityManager,
  { webhookId: id, workspaceId, url }: ClaimedDelivery,
): Promise<void> {
  const change = { enabled: false, disabledReason: 'gone' } as const;
  const where = { id, workspaceId, url, enabled: true };
  const { affected } = await manager.update(WebhookEntity, where, change);
  if (affected !== 1) return;
  const webhook = await manager.findOneByOrFail(WebhookEntity, { id, workspaceId });
  await appendAuditEvents(manager, auditedWebhook('webhook.disabled', webhook));
}
