export { AuditModule } from './audit.module';
export { type AuditVerification, AuditVerifier, verifyExport } from './audit-verifier';
export { InvalidExport } from './export-line';
