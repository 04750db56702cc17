import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type as TransformTo } from 'class-transformer';
import { IsBase64, IsIn, IsInt, IsUUID, Max, MaxLength, Min, ValidateBy } from 'class-validator';
import { IsInstant, IsPlainText, MayBeAbsent } from '../../common';
import { DIMENSIONS, isGroupBy } from '../usage-dimensions';

const LIMIT_MAX = 100;
const CURSOR_LENGTH_MAX = 2_000;
const NAMES = Object.keys(DIMENSIONS);

export class UsageQuery {
  @ApiPropertyOptional({
    description: `What makes a row: any of ${NAMES.join(', ')}, with commas in between`,
    default: 'day',
    example: 'day,model',
  })
  @MayBeAbsent()
  @ValidateBy({
    name: 'isGroupBy',
    validator: {
      validate: isGroupBy,
      defaultMessage: () => `must be any of ${NAMES.join(', ')}, each once, with commas in between`,
    },
  })
  groupBy: string = 'day';

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'Created at or after. Default: the start of the day (UTC) 29 days before `to`',
  })
  @MayBeAbsent()
  @IsInstant()
  from?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'Created before; at most 400 days after `from`. Default: now',
  })
  @MayBeAbsent()
  @IsInstant()
  to?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsPlainText(64)
  provider?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsPlainText(200)
  model?: string;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsPlainText(200)
  agentId?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @MayBeAbsent()
  @IsUUID()
  apiKeyId?: string;

  @ApiPropertyOptional({
    description: 'Most rows to return. CSV always has all',
    minimum: 1,
    maximum: LIMIT_MAX,
    default: LIMIT_MAX,
    type: 'integer',
  })
  @MayBeAbsent()
  @TransformTo(() => Number)
  @IsInt()
  @Min(1)
  @Max(LIMIT_MAX)
  limit: number = LIMIT_MAX;

  @ApiPropertyOptional({ description: '`nextCursor` of the page before' })
  @MayBeAbsent()
  @IsBase64({ urlSafe: true, padding: false })
  @MaxLength(CURSOR_LENGTH_MAX)
  after?: string;

  @ApiPropertyOptional({
    enum: ['json', 'csv'],
    description: 'Default: what `Accept` names, else JSON',
  })
  @MayBeAbsent()
  @IsIn(['json', 'csv'])
  format?: 'json' | 'csv';
}
