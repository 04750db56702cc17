import { ApiProperty } from '@nestjs/swagger';
import { DELIVERY_FAULTS, type DeliveryOutcome } from '../delivery/delivery-outcome';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../webhook.entity';
import type { DescribedWebhook, WebhookWithSecret } from '../webhooks.service';

export class WebhookSecretResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until when it signs; null: it is the current one',
  })
  expiresAt: string | null;
}

export class WebhookResponse {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty()
  url: string;

  @ApiProperty({ enum: WEBHOOK_EVENTS, isArray: true })
  events: WebhookEvent[];

  @ApiProperty({ type: String, nullable: true })
  description: string | null;

  @ApiProperty()
  enabled: boolean;

  @ApiProperty({
    enum: ['gone'],
    nullable: true,
    description: 'gone: the receiver answered 410; null: enabled, or disabled by somebody',
  })
  disabledReason: 'gone' | null;

  @ApiProperty({
    type: [WebhookSecretResponse],
    description:
      'What signs each event, newest first; the secrets themselves are never shown again',
  })
  secrets: WebhookSecretResponse[];

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export class WebhookWithSecretResponse extends WebhookResponse {
  @ApiProperty({
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    description: 'Verifies the signatures. Shown this once',
  })
  secret: string;
}

const TEST_CATEGORIES = ['ok', ...Object.keys(DELIVERY_FAULTS)];

export class TestWebhookResponse {
  @ApiProperty({ description: 'Whether the receiver accepted the event' })
  ok: boolean;

  @ApiProperty({ enum: TEST_CATEGORIES, description: 'ok, or the reason' })
  category: string;

  @ApiProperty({ description: 'What the reason means' })
  message: string;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'HTTP status of the answer; null: there was none',
  })
  status: number | null;

  @ApiProperty({ type: 'integer', description: 'Milliseconds until the answer began' })
  latencyMs: number;
}

/** The public face of a webhook. There is no way from here to a secret. */
export function presentWebhook({ webhook, secrets }: DescribedWebhook): WebhookResponse {
  const { id, url, events, description, enabled, disabledReason } = webhook;
  return {
    ...{ id, url, events, description, enabled, disabledReason },
    secrets: secrets.map((secret) => ({
      id: secret.id,
      createdAt: secret.createdAt.toISOString(),
      expiresAt: secret.expiresAt?.toISOString() ?? null,
    })),
    createdAt: webhook.createdAt.toISOString(),
    updatedAt: webhook.updatedAt.toISOString(),
  };
}

export function presentWithSecret(made: WebhookWithSecret): WebhookWithSecretResponse {
  const webhook: Omit<WebhookWithSecretResponse, 'secret'> = presentWebhook(made);
  return Object.assign(webhook, { secret: made.secret.expose() });
}

export function presentTest(outcome: DeliveryOutcome): TestWebhookResponse {
  const { errorCategory, responseStatus: status, latencyMs } = outcome;
  const ok = errorCategory === null;
  const message = ok ? 'The receiver accepted the event.' : DELIVERY_FAULTS[errorCategory];
  return { ok, category: errorCategory ?? 'ok', message, status, latencyMs };
}
