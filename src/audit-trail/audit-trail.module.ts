import { Module } from '@nestjs/common';
import { AuditBuffer } from './audit-buffer';

/** Writes the audit trail. It stands below every feature that leaves events; `audit` reads what it wrote. */
@Module({ providers: [AuditBuffer], exports: [AuditBuffer] })
export class AuditTrailModule {}
