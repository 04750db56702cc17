import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type as TransformTo } from 'class-transformer';
import { IsBase64, IsIn, IsInt, IsUUID, Matches, Max, MaxLength, Min } from 'class-validator';
import { IsInstant, IsPlainText, MayBeAbsent } from '../../common';
import { DIMENSIONS } from '../usage-dimensions';

const LIMIT_MAX = 100;
const CURSOR_LENGTH_MAX = 2_000;
const NAMES = Object.keys(DIMENSIONS);
const GROUP_BY_LENGTH_MAX = NAMES.join(',').length;
/** Names with commas in between, none of them twice; a longer text is not looked through for one that is. */
const GROUP_BY = new RegExp(
  `^(?=.{1,${GROUP_BY_LENGTH_MAX}}$)(?!.*\\b(\\w+)\\b.*\\b\\1\\b)(${NAMES.join('|')})(,(${NAMES.join('|')}))*$`,
);

export class UsageQuery {
  @ApiPropertyOptional({
    description: `What makes a row: any of ${NAMES.join(', ')}, with commas in between`,
    default: 'day',
    example: 'day,model',
  })
  @MayBeAbsent()
  @Matches(GROUP_BY, {
    message: `must be any of ${NAMES.join(', ')}, each once, with commas in between`,
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
