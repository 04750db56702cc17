import type { EntityManager } from 'typeorm';
import { type AuditDetails, type AuditEvent, stampAuditEvent } from './audit-event';

/** Takes a JSON list of stamped events; locks the heads of their chains until the end of the transaction. */
export const APPEND_AUDIT_EVENTS = 'SELECT append_audit_events($1) AS appended';

/**
 * Appends to the audit trail in the transaction of the action itself: both are committed, or neither. Call it
 * last, because everybody else who appends to the workspace's chain waits from here to the end.
 */
export async function appendAuditEvents(
  manager: EntityManager,
  ...events: readonly AuditEvent[]
): Promise<void> {
  if (events.length === 0) return;
  const [row] = await manager.query<{ appended: number }[]>(APPEND_AUDIT_EVENTS, [
    JSON.stringify(events.map(stampAuditEvent)),
  ]);
  if (row?.appended !== events.length) throw new Error('the audit trail did not take every event');
}

/**
 * Where the workspace's chain ends, which nobody can append to until the end of the transaction. Kept with
 * the deletion of the workspace, it still proves an export that was made before.
 */
export async function closeAuditTrail(
  manager: EntityManager,
  workspaceId: string,
): Promise<AuditDetails> {
  await manager.query('SELECT FROM workspaces WHERE id = $1 FOR UPDATE', [workspaceId]);
  const [head] = await manager.query<{ events: number; lastHash: string }[]>(
    `SELECT sequence::float8 AS events, encode(hash, 'hex') AS "lastHash"
       FROM audit_heads WHERE workspace_id = $1`,
    [workspaceId],
  );
  return { events: head?.events ?? 0, lastHash: head?.lastHash ?? null };
}
