import { client } from '../client/client.gen';
import type { Page } from './pages';

export const WEBHOOK_EVENTS = [
  'execution.completed',
  'execution.failed',
  'execution.cancelled',
] as const;

export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly description: string | null;
  readonly enabled: boolean;
  /** `gone`: the receiver answered 410; null: enabled, or disabled by somebody. */
  readonly disabledReason: string | null;
  readonly createdAt: string;
}

export interface WebhookWithSecret extends Webhook {
  /** Shown this once. */
  readonly secret: string;
}

export interface WebhookTest {
  readonly ok: boolean;
  readonly message: string;
  readonly status: number | null;
  readonly latencyMs: number;
}

export interface DeliveryAttempt {
  readonly number: number;
  readonly startedAt: string;
  readonly responseStatus: number | null;
  readonly latencyMs: number;
  readonly errorCategory: string | null;
}

export interface Delivery {
  readonly id: string;
  readonly event: string;
  readonly executionId: string;
  readonly status: 'pending' | 'delivered' | 'failed';
  readonly occurredAt: string;
  readonly nextAttemptAt: string | null;
  readonly attempts: readonly DeliveryAttempt[];
}

interface WebhookFields {
  readonly url: string;
  readonly events: readonly string[];
  readonly description?: string;
}

const WEBHOOKS = '/api/workspaces/{workspaceId}/webhooks';
const WEBHOOK = `${WEBHOOKS}/{webhookId}`;

/** Where one webhook is. */
export interface WebhookPath extends Record<string, unknown> {
  readonly workspaceId: string;
  readonly webhookId: string;
}

type Query = Readonly<Record<string, string | number>>;

export async function listWebhooks(workspaceId: string, query: Query) {
  return client.get<Record<200, Page<Webhook>>, unknown, true>({
    url: WEBHOOKS,
    path: { workspaceId },
    query,
  });
}

export async function createWebhook(workspaceId: string, body: WebhookFields) {
  const { data } = await client.post<Record<201, WebhookWithSecret>, unknown, true>({
    url: WEBHOOKS,
    path: { workspaceId },
    body,
  });
  return data;
}

export async function updateWebhook(path: WebhookPath, body: { enabled: boolean }) {
  await client.patch({ url: WEBHOOK, path, body });
}

export async function deleteWebhook(path: WebhookPath) {
  await client.delete({ url: WEBHOOK, path });
}

export async function rotateWebhookSecret(path: WebhookPath) {
  const { data } = await client.post<Record<201, WebhookWithSecret>, unknown, true>({
    url: `${WEBHOOK}/secret`,
    path,
    body: {},
  });
  return data;
}

export async function testWebhook(path: WebhookPath) {
  const { data } = await client.post<Record<200, WebhookTest>, unknown, true>({
    url: `${WEBHOOK}/test`,
    path,
    body: {},
  });
  return data;
}

export async function listDeliveries(path: WebhookPath, query: Query) {
  const { data } = await client.get<Record<200, Page<Delivery>>, unknown, true>({
    url: `${WEBHOOK}/deliveries`,
    path,
    query,
  });
  return data;
}

export async function redriveDelivery(path: WebhookPath, deliveryId: string) {
  await client.post({
    url: `${WEBHOOK}/deliveries/{deliveryId}/redrive`,
    path: { ...path, deliveryId },
    body: {},
  });
}
