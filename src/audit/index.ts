export { AuditModule } from './audit.module';
export { type AuditVerification, AuditVerifier } from './audit-verifier';
export { InvalidExport } from './export-line';
