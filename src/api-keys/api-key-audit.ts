import type { AuditAction, AuditDetails, AuditEvent } from '../audit-trail';
import type { ApiKeyEntity } from './api-key.entity';

type DescribedKey = Pick<
  ApiKeyEntity,
  'id' | 'workspaceId' | 'provider' | 'label' | 'last4' | 'baseUrl'
>;

/** What is recorded of an action on a saved key. */
export function auditedKey(
  action: AuditAction,
  key: DescribedKey,
  more: AuditDetails = {},
): AuditEvent {
  const { id, workspaceId, provider, label, last4, baseUrl } = key;
  const details = { provider, label, last4, destination: describeDestination(baseUrl), ...more };
  return { workspaceId, action, subjectId: id, details };
}

/** Host and port of a custom base URL, whose path may hold a secret; null: the vendor's own address. */
export function describeDestination(baseUrl: string | null): string | null {
  return baseUrl === null ? null : new URL(baseUrl).host;
}
