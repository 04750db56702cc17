import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { WebhookEvent } from './webhook.entity';
import type { DeliveryFault } from './delivery/delivery-outcome';

/** Every status of a delivery. `failed`: no further attempt, unless it is redriven. */
export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;

export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** One event for one webhook. Written by functions of the database: the trigger that queues, and the worker. */
@Entity('webhook_deliveries')
@Index('webhook_deliveries_webhook_id', ['webhookId', 'id'])
@Index('webhook_deliveries_failed', ['webhookId', 'id'], { where: `status = 'failed'` })
@Index('webhook_deliveries_due', ['webhookId', 'nextAttemptAt'], { where: `status = 'pending'` })
@Index('webhook_deliveries_order', ['webhookId', 'executionId', 'id'], {
  where: `status = 'pending'`,
})
@Index('webhook_deliveries_leased', ['webhookId'], { where: 'lease_id IS NOT NULL' })
@Check(
  'webhook_deliveries_event',
  `event IN ('execution.completed', 'execution.failed', 'execution.cancelled')`,
)
@Check('webhook_deliveries_status', `status IN ('pending', 'delivered', 'failed')`)
@Check(
  'webhook_deliveries_lease',
  `(lease_id IS NULL) = (leased_until IS NULL) AND (lease_id IS NULL OR status = 'pending')`,
)
export class WebhookDeliveryEntity {
  /** Also the `webhook-id` that the receiver sees, at every attempt the same. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'webhook_deliveries_pkey' })
  id: string;

  @Column('uuid', { name: 'workspace_id' })
  workspaceId: string;

  @Column('uuid', { name: 'webhook_id' })
  @ForeignKey('WebhookEntity', { name: 'webhook_deliveries_webhook_id_fkey', onDelete: 'CASCADE' })
  webhookId: string;

  @Column('uuid', { name: 'execution_id' })
  executionId: string;

  @Column('text')
  event: WebhookEvent;

  /** The execution as it was at the event, exactly as it is sent. */
  @Column('json')
  data: object;

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt: Date;

  @Column('text', { default: 'pending' })
  status: DeliveryStatus;

  /** Failed attempts that count for the schedule: since it was queued or redriven. */
  @Column('integer', { default: 0 })
  failures: number;

  @Column('timestamptz', { name: 'next_attempt_at' })
  nextAttemptAt: Date;

  /** Who is sending it; null: nobody. */
  @Column('uuid', { name: 'lease_id', nullable: true })
  leaseId: string | null;

  @Column('timestamptz', { name: 'leased_until', nullable: true })
  leasedUntil: Date | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}

/** One request to the receiver. Append-only. What the receiver wrote is not kept. */
@Entity('webhook_attempts')
export class WebhookAttemptEntity {
  @PrimaryColumn('uuid', {
    name: 'delivery_id',
    primaryKeyConstraintName: 'webhook_attempts_pkey',
  })
  @ForeignKey('WebhookDeliveryEntity', {
    name: 'webhook_attempts_delivery_id_fkey',
    onDelete: 'CASCADE',
  })
  deliveryId: string;

  @PrimaryColumn('integer', {
    name: 'attempt_number',
    primaryKeyConstraintName: 'webhook_attempts_pkey',
  })
  attemptNumber: number;

  @Column('uuid', { name: 'workspace_id' })
  workspaceId: string;

  @Column('timestamptz', { name: 'started_at' })
  startedAt: Date;

  @Column('integer', { name: 'response_status', nullable: true })
  responseStatus: number | null;

  @Column('integer', { name: 'latency_ms' })
  latencyMs: number;

  /** Null: the receiver accepted it. */
  @Column('text', { name: 'error_category', nullable: true })
  errorCategory: DeliveryFault | null;
}
