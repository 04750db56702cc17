import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsUUID } from 'class-validator';
import { IsInstant, IsPlainText, ListQuery, MayBeAbsent } from '../../common';
import { EXECUTION_STATUSES, type ExecutionStatus } from '../execution-status';

export class ListExecutionsQuery extends ListQuery {
  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsPlainText(200)
  agentId?: string;

  @ApiPropertyOptional({ enum: EXECUTION_STATUSES })
  @MayBeAbsent()
  @IsIn(EXECUTION_STATUSES)
  status?: ExecutionStatus;

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
