import { v7 as uuidv7 } from 'uuid';
import { callerRequestId, callerTokenId } from '../database';

/** Everything that leaves an event. The part before the dot is the type of the subject. */
export const AUDIT_ACTIONS = [
  'workspace.created',
  'workspace.renamed',
  'workspace.settings-changed',
  'workspace.deleted',
  'workspace.passed-on',
  'token.created',
  'token.revoked',
  'token.rotated',
  'token.leaked',
  'session.started',
  'session.ended',
  'api-key.created',
  'api-key.updated',
  'api-key.secret-replaced',
  'api-key.deleted',
  'api-key.tested',
  'api-key.used',
  'api-key.unreadable',
  'data-key.rotated',
  'root-key.rotated',
  'root-key.retired',
  'webhook.created',
  'webhook.updated',
  'webhook.deleted',
  'webhook.disabled',
  'webhook.secret-rotated',
  'webhook.tested',
  'webhook.redriven',
  'audit.gap',
] as const;

/** One of {@link AUDIT_ACTIONS}. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Small and flat, names in ASCII, numbers whole: so that its canonical form is simple to recompute. */
export type AuditDetails = Readonly<Record<string, string | number | boolean | null>>;

/** Metadata only: never a secret, a ciphertext or a token. */
export interface AuditEvent {
  /** The workspace in whose chain it is recorded; null: the chain of the server. */
  readonly workspaceId: string | null;
  readonly action: AuditAction;
  readonly subjectId: string | null;
  /** What a key was opened for: the id of the execution, or `test`. */
  readonly purpose?: string;
  readonly details?: AuditDetails;
}

/** An event with the time, the caller and the request under way, as `append_audit_events` takes it. */
export interface StampedAuditEvent {
  readonly id: string;
  readonly workspace_id: string | null;
  readonly occurred_at: string;
  readonly actor: string;
  readonly action: AuditAction;
  readonly subject_type: string;
  readonly subject_id: string | null;
  readonly purpose: string | null;
  readonly request_id: string | null;
  readonly details: AuditDetails;
}

/** Notes when, by whom and in which request: those of the moment of the call. */
export function stampAuditEvent(event: AuditEvent): StampedAuditEvent {
  return {
    id: uuidv7(),
    workspace_id: event.workspaceId,
    occurred_at: new Date().toISOString(),
    actor: callerTokenId() ?? 'server',
    action: event.action,
    subject_type: event.action.slice(0, event.action.indexOf('.')),
    subject_id: event.subjectId,
    purpose: event.purpose ?? null,
    request_id: callerRequestId(),
    details: storable(event.details ?? {}),
  };
}

/** PostgreSQL stores neither a NUL character nor half of a surrogate pair; names chosen by clients may have them. */
function storable(details: AuditDetails): AuditDetails {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replace(/[\p{Cs}\0]/gu, '\uFFFD') : value,
    ]),
  );
}
