import type { AuditAction, AuditDetails, AuditEvent } from '../audit-trail';
import type { WebhookEntity } from './webhook.entity';

/** What is recorded of an action on a webhook. The host only: path and query of a URL may hold a secret. */
export function auditedWebhook(
  action: AuditAction,
  webhook: WebhookEntity,
  more: AuditDetails = {},
): AuditEvent {
  const { id, workspaceId, url, events, enabled } = webhook;
  const details = { destination: new URL(url).host, events: events.join(' '), enabled, ...more };
  return { workspaceId, action, subjectId: id, details };
}
