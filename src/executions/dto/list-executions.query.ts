import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsUUID } from 'class-validator';
import { IsInstant, IsPlainText, ListQuery, MayBeAbsent } from '../../common';
import { PUBLIC_STATUSES, type PublicStatus } from '../ledger/execution-status';

export class ListExecutionsQuery extends ListQuery {
  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsPlainText(200)
  agentId?: string;

  @ApiPropertyOptional({ enum: PUBLIC_STATUSES })
  @MayBeAbsent()
  @IsIn(PUBLIC_STATUSES)
  status?: PublicStatus;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsPlainText(64)
  provider?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsPlainText(200)
  model?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @MayBeAbsent()
  @IsUUID()
  apiKeyId?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Created at or after' })
  @MayBeAbsent()
  @IsInstant()
  from?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Created before' })
  @MayBeAbsent()
  @IsInstant()
  to?: string;
}
