import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { appendAuditEvents } from '../audit-trail';
import { AppError } from '../common';
import { TenantDatabase } from '../database';
import { DeliveryClock } from './delivery/delivery-clock';
import type { ListDeliveriesQuery } from './dto/list-deliveries.query';
import { auditedWebhook } from './webhook-audit';
import { WebhookAttemptEntity, WebhookDeliveryEntity } from './webhook-delivery.entity';
import { findOrThrow } from './webhooks.service';

/** A delivery with its attempts, the first one first. */
export interface LoggedDelivery {
  readonly id: string;
  readonly delivery: WebhookDeliveryEntity;
  readonly attempts: readonly WebhookAttemptEntity[];
}

/** The delivery log of a webhook. */
@Injectable()
export class WebhookDeliveries {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly clock: DeliveryClock,
  ) {}

  /**
   * Newest first; one more than the limit if there is one.
   * @throws {AppError} `not_found`: no such webhook.
   */
  async list(
    workspaceId: string,
    webhookId: string,
    { limit, after, status }: ListDeliveriesQuery,
  ): Promise<LoggedDelivery[]> {
    return this.tenants.read(workspaceId, async (manager) => {
      await findOrThrow(manager, { id: webhookId, workspaceId });
      const query = manager
        .createQueryBuilder(WebhookDeliveryEntity, 'delivery')
        .where('delivery.webhookId = :webhookId', { webhookId })
        .orderBy('delivery.id', 'DESC')
        .limit(limit + 1);
      if (after !== undefined) query.andWhere('delivery.id < :after', { after });
      if (status !== undefined) query.andWhere('delivery.status = :status', { status });
      return withAttempts(manager, await query.getMany());
    });
  }

  /**
   * Makes a delivery due now, with a new schedule, whatever became of it.
   * @throws {AppError} `not_found`, `conflict` while it is being sent, `unprocessable` when its webhook is disabled.
   */
  async redrive(workspaceId: string, webhookId: string, id: string): Promise<LoggedDelivery> {
    return this.tenants.write(workspaceId, async (manager) => {
      const webhook = await findOrThrow(manager, { id: webhookId, workspaceId });
      if (!(await manager.existsBy(WebhookDeliveryEntity, { id, webhookId }))) {
        throw new AppError('not_found', 'No such delivery.');
      }
      if (!webhook.enabled) {
        throw new AppError('unprocessable', 'The webhook is disabled. Enable it first.');
      }
      const [row] = await manager.query<{ redriven: boolean }[]>(
        'SELECT redrive_webhook_delivery($1, $2) AS redriven',
        [id, this.clock.aheadMs()],
      );
      if (row?.redriven !== true) {
        throw new AppError('conflict', 'The delivery is being sent. See how that ends.');
      }
      const redriven = await manager.findOneByOrFail(WebhookDeliveryEntity, { id });
      await appendAuditEvents(
        manager,
        auditedWebhook('webhook.redriven', webhook, { deliveryId: id }),
      );
      return { id, delivery: redriven, attempts: await attemptsOf(manager, [redriven]) };
    });
  }
}

async function withAttempts(
  manager: EntityManager,
  deliveries: readonly WebhookDeliveryEntity[],
): Promise<LoggedDelivery[]> {
  const attempts = await attemptsOf(manager, deliveries);
  return deliveries.map((delivery) => ({
    id: delivery.id,
    delivery,
    attempts: attempts.filter(({ deliveryId }) => deliveryId === delivery.id),
  }));
}

async function attemptsOf(
  manager: EntityManager,
  deliveries: readonly WebhookDeliveryEntity[],
): Promise<WebhookAttemptEntity[]> {
  return manager.find(WebhookAttemptEntity, {
    where: { deliveryId: In(deliveries.map(({ id }) => id)) },
    order: { deliveryId: 'ASC', attemptNumber: 'ASC' },
  });
}
