import type { AuditEventResponse } from '../../client';

/** What the list can be narrowed to; the compiler refuses what the API does not know. */
export const AUDIT_ACTIONS = [
  'workspace.created',
  'workspace.renamed',
  'workspace.deleted',
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
  'audit.gap',
] as const satisfies readonly AuditEventResponse['action'][];
