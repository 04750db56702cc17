import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsISO8601, IsString, IsUUID, Length } from 'class-validator';
import { ListQuery, MayBeAbsent } from '../../common';
import { EXECUTION_STATUSES, type ExecutionStatus } from '../execution-status';

export class ListExecutionsQuery extends ListQuery {
  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @Length(1, 200)
  agentId?: string;

  @ApiPropertyOptional({ enum: EXECUTION_STATUSES })
  @MayBeAbsent()
  @IsIn(EXECUTION_STATUSES)
  status?: ExecutionStatus;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @Length(1, 64)
  provider?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsString()
  @Length(1, 200)
  model?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @MayBeAbsent()
  @IsUUID()
  apiKeyId?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Created at or after' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  from?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Created before' })
  @MayBeAbsent()
  @IsISO8601({ strict: true })
  to?: string;
}
