import { ApiProperty } from '@nestjs/swagger';
import { AUDIT_ACTIONS } from '../../audit-trail';
import type { AuditRecord } from '../audit-record';
import { CHAIN_FAULTS, type ChainFault } from '../chain-check';

const HASH = { pattern: '^[0-9a-f]{64}$', description: 'SHA-256, hexadecimal' } as const;

export class AuditEventResponse implements AuditRecord {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  workspaceId: string | null;

  @ApiProperty({ type: 'integer', minimum: 1, description: 'Place in the chain, without gaps' })
  sequence: number;

  @ApiProperty({ format: 'date-time', example: '2026-01-31T12:00:00.000000Z' })
  occurredAt: string;

  @ApiProperty({ description: 'The id of the access token, or `server`' })
  actor: string;

  @ApiProperty({ enum: AUDIT_ACTIONS })
  action: string;

  @ApiProperty({ example: 'api-key' })
  subjectType: string;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  subjectId: string | null;

  @ApiProperty({
    nullable: true,
    type: String,
    description: 'What a key was opened for: the id of the execution, or `test`',
  })
  purpose: string | null;

  @ApiProperty({ nullable: true, type: String })
  requestId: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Metadata such as provider, label, last4; never a secret',
  })
  details: Readonly<Record<string, unknown>>;

  @ApiProperty(HASH)
  previousHash: string;

  @ApiProperty(HASH)
  hash: string;
}

export class AuditHeadResponse {
  @ApiProperty({ type: 'integer', minimum: 0 })
  sequence: number;

  @ApiProperty(HASH)
  hash: string;
}

export class BrokenLinkResponse {
  @ApiProperty({ type: 'integer', description: 'Place in the chain' })
  sequence: number;

  @ApiProperty({ enum: CHAIN_FAULTS })
  reason: ChainFault;
}

export class AuditVerificationResponse {
  @ApiProperty()
  ok: boolean;

  @ApiProperty({ type: 'integer' })
  events: number;

  @ApiProperty({
    type: AuditHeadResponse,
    nullable: true,
    description: 'Where the chain ends. Kept elsewhere, it proves that nothing before it changed',
  })
  head: AuditHeadResponse | null;

  @ApiProperty({ type: BrokenLinkResponse, nullable: true })
  firstBroken: BrokenLinkResponse | null;
}
