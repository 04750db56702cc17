import { Module } from '@nestjs/common';
import { AuditChains } from './audit-chains';
import { AuditExports } from './audit-exports';
import { AuditVerifier } from './audit-verifier';
import { AuditController } from './audit.controller';

/** Reads, exports and verifies the audit trail that `audit-trail` writes. */
@Module({
  controllers: [AuditController],
  providers: [AuditChains, AuditExports, AuditVerifier],
  exports: [AuditExports, AuditVerifier],
})
export class AuditModule {}
