import type { WebhookResponse } from '../../client';

/** What one can be told of; the compiler refuses what the API does not know. */
export const WEBHOOK_EVENTS = [
  'execution.completed',
  'execution.failed',
  'execution.cancelled',
] as const satisfies WebhookResponse['events'];

export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Until when a secret before the newest one signs too; null: none does. */
export function oldSecretsSignUntil({ secrets }: WebhookResponse): string | null {
  const ends = secrets.map(({ expiresAt }) => expiresAt).filter((end) => end !== null);
  return ends.sort().at(-1) ?? null;
}
