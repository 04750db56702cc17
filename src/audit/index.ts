export { AuditExports } from './audit-exports';
export { AuditModule } from './audit.module';
export type { AuditRecord } from './audit-record';
export { type AuditVerification, AuditVerifier, verifyExport } from './audit-verifier';
export { InvalidExport } from './export-line';
