export { appendAuditEvents, closeAuditTrail } from './append-audit-events';
export { AuditBuffer } from './audit-buffer';
export { AUDIT_ACTIONS, type AuditAction, type AuditDetails, type AuditEvent } from './audit-event';
export { AuditTrailModule } from './audit-trail.module';
