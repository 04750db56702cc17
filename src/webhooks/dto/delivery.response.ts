import { ApiProperty } from '@nestjs/swagger';
import { DELIVERY_FAULTS } from '../delivery/delivery-outcome';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../webhook.entity';
import type { LoggedDelivery } from '../webhook-deliveries';
import {
  DELIVERY_STATUSES,
  type DeliveryStatus,
  type WebhookAttemptEntity,
} from '../webhook-delivery.entity';

export class DeliveryAttemptResponse {
  @ApiProperty({ type: 'integer', minimum: 1 })
  number: number;

  @ApiProperty({ format: 'date-time' })
  startedAt: string;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'HTTP status of the answer; null: there was none. What else it said is not kept',
  })
  responseStatus: number | null;

  @ApiProperty({ type: 'integer', description: 'Milliseconds until the answer began' })
  latencyMs: number;

  @ApiProperty({
    enum: Object.keys(DELIVERY_FAULTS),
    nullable: true,
    description: 'null: the receiver accepted the event',
  })
  errorCategory: string | null;
}

export class DeliveryResponse {
  @ApiProperty({ format: 'uuid', description: 'The `webhook-id` that the receiver sees' })
  id: string;

  @ApiProperty({ format: 'uuid' })
  webhookId: string;

  @ApiProperty({ enum: WEBHOOK_EVENTS })
  event: WebhookEvent;

  @ApiProperty({ format: 'uuid' })
  executionId: string;

  @ApiProperty({
    enum: DELIVERY_STATUSES,
    description:
      'failed: given up after the last attempt; redrive it when the receiver works again',
  })
  status: DeliveryStatus;

  @ApiProperty({ format: 'date-time', description: 'When the execution ended' })
  occurredAt: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'null: there is no further attempt',
  })
  nextAttemptAt: string | null;

  @ApiProperty({ type: [DeliveryAttemptResponse], description: 'The first one first' })
  attempts: DeliveryAttemptResponse[];
}

export function presentDelivery({ delivery, attempts }: LoggedDelivery): DeliveryResponse {
  const { id, webhookId, event, executionId, status } = delivery;
  return {
    ...{ id, webhookId, event, executionId, status },
    occurredAt: delivery.occurredAt.toISOString(),
    nextAttemptAt: status === 'pending' ? delivery.nextAttemptAt.toISOString() : null,
    attempts: attempts.map(presentAttempt),
  };
}

function presentAttempt(attempt: WebhookAttemptEntity): DeliveryAttemptResponse {
  const { attemptNumber: number, responseStatus, latencyMs, errorCategory } = attempt;
  const startedAt = attempt.startedAt.toISOString();
  return { number, startedAt, responseStatus, latencyMs, errorCategory };
}
