import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { formatUsd } from '../../ai-providers';
import { DIMENSIONS, type Dimension } from '../usage-dimensions';
import type { UsageGroup, UsageSums } from '../usage-record';

/** Decimals of `errorRate`. */
const RATE_SCALE = 10_000;

export class UsageTotalsResponse {
  @ApiProperty({ type: 'integer', description: 'All that were created, unfinished ones included' })
  executions: number;

  @ApiProperty({ type: 'integer' })
  completed: number;

  @ApiProperty({ type: 'integer' })
  failed: number;

  @ApiProperty({ type: 'integer' })
  cancelled: number;

  @ApiProperty({
    type: 'integer',
    description:
      'Executions that were or may have been billed at a price that is not known. They add nothing to `costUsd`',
  })
  unpriced: number;

  @ApiProperty({ type: 'integer', description: 'Requests to a provider' })
  attempts: number;

  @ApiProperty({ type: 'integer', description: 'All input tokens, the cached ones included' })
  inputTokens: number;

  @ApiProperty({ type: 'integer' })
  outputTokens: number;

  @ApiProperty({ type: 'integer' })
  cacheReadTokens: number;

  @ApiProperty({ type: 'integer' })
  cacheWriteTokens: number;

  @ApiProperty({ type: 'integer' })
  reasoningTokens: number;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '1.000123456',
    description: 'Exact sum of the known costs in USD; null if none is known',
  })
  costUsd: string | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Of completed executions' })
  latencyMsP50: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Of completed executions' })
  latencyMsP95: number | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Failed among completed and failed, to four decimals; null if there is neither',
  })
  errorRate: number | null;
}

export class UsageRowResponse extends UsageTotalsResponse {
  @ApiPropertyOptional({ format: 'date', description: 'UTC' })
  day?: string;

  @ApiPropertyOptional()
  provider?: string;

  @ApiPropertyOptional()
  model?: string;

  @ApiPropertyOptional()
  agentId?: string;

  @ApiPropertyOptional({ type: String, format: 'uuid', nullable: true })
  apiKeyId?: string | null;
}

export class UsageReportResponse {
  @ApiProperty({ enum: ['list'] })
  object: 'list';

  @ApiProperty({
    type: [UsageRowResponse],
    description: 'Sorted by day, provider, model, agent, key',
  })
  data: UsageRowResponse[];

  @ApiProperty({ type: UsageTotalsResponse, description: 'Of all rows, on whatever page' })
  totals: UsageTotalsResponse;

  @ApiProperty()
  hasMore: boolean;

  @ApiProperty({ type: String, nullable: true })
  nextCursor: string | null;
}

/** The sums as the API shows them. */
export function presentSums({ costNanoUsd, ...sums }: UsageSums): UsageTotalsResponse {
  const { latencyMsP50, latencyMsP95, ...counts } = sums;
  const decided = sums.completed + sums.failed;
  return {
    ...counts,
    costUsd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
    latencyMsP50,
    latencyMsP95,
    errorRate: decided === 0 ? null : Math.round((sums.failed / decided) * RATE_SCALE) / RATE_SCALE,
  };
}

/** The sums of a group, with what makes it one. */
export function presentGroup(
  dimensions: readonly Dimension[],
  { key, sums }: UsageGroup,
): UsageRowResponse {
  const fields = dimensions.map((name, index) => {
    const value = key[index] ?? '';
    return [DIMENSIONS[name].field, name === 'apiKey' && value === '' ? null : value];
  });
  return Object.assign(Object.fromEntries(fields) as UsageRowResponse, presentSums(sums));
}
