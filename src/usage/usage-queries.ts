import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../database';
import { type Dimension, DIMENSIONS, type GroupKey } from './usage-dimensions';
import type { UsageGroup, UsageRange, UsageSums } from './usage-record';

const DAY_MS = 86_400_000;

/** Columns by which a report may be narrowed. */
const FILTERS = {
  provider: 'provider',
  model: 'model',
  agentId: 'agent_id',
  apiKeyId: 'api_key_id',
} as const;

/** A row of the statement: its sums come as text, since they may be larger than a number is exact. */
interface SumsRow {
  readonly isTotal: boolean;
  readonly key: string[];
  readonly costNanoUsd: string | null;
  readonly latencyMsP50: number | null;
  readonly latencyMsP95: number | null;
  readonly [count: string]: unknown;
}

/** Adds executions up. */
@Injectable()
export class UsageQueries {
  constructor(private readonly tenants: TenantDatabase) {}

  /**
   * One statement, so that the groups are a division of the totals.
   * @param after - only groups behind this one.
   * @param limit - groups at the most.
   */
  async sum(
    range: UsageRange,
    dimensions: readonly Dimension[],
    { after, limit }: { after: GroupKey | null; limit: number },
  ): Promise<{ totals: UsageSums; groups: UsageGroup[] }> {
    const { text, values } = statement(range, dimensions, after, limit);
    const rows = await this.tenants.read(range.workspaceId, (manager) =>
      manager.query<SumsRow[]>(text, values),
    );
    const [total, ...groups] = rows;
    if (total === undefined) throw new Error('a report without totals');
    return {
      totals: toSums(total),
      groups: groups.map((row) => ({ key: row.key, sums: toSums(row) })),
    };
  }
}

function statement(
  range: UsageRange,
  dimensions: readonly Dimension[],
  after: GroupKey | null,
  limit: number,
): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions = [
    `workspace_id = ${bind(range.workspaceId)}`,
    `created_at >= ${bind(range.from)}`,
    `created_at < ${bind(range.to)}`,
    // Which partitions to read. The clock of a node made the id, that of PostgreSQL the time.
    `id >= ${bind(firstIdOf(range.from.getTime() - DAY_MS))}::uuid`,
    `id < ${bind(firstIdOf(range.to.getTime() + DAY_MS))}::uuid`,
  ];
  for (const [name, column] of Object.entries(FILTERS)) {
    const value = range[name as keyof typeof FILTERS];
    if (value !== undefined) conditions.push(`${column} = ${bind(value)}`);
  }
  const names = dimensions.map((_, index) => `key_${index}`);
  const keys = dimensions.map(
    (name, index) => `${DIMENSIONS[name].sql} COLLATE "C" AS key_${index}`,
  );
  const behind = after === null ? '' : `OR (${names.join()}) > (${after.map(bind).join()})`;
  const text = `
    WITH execution AS (
      SELECT agent_executions.*, ${keys.join()}
        FROM agent_executions WHERE ${conditions.join(' AND ')}),
    metered AS (
      SELECT execution.*, ${ATTEMPTS} AS attempts, ${IS_UNPRICED} AS is_unpriced FROM execution),
    summed AS (
      SELECT ${names.join()}, grouping(${names.join()}) <> 0 AS "isTotal", ${SUMS}
        FROM metered GROUP BY GROUPING SETS ((${names.join()}), ()))
    SELECT summed.*, ARRAY[${names.join()}] AS key FROM summed
     WHERE "isTotal" ${after === null ? 'OR TRUE' : behind}
     ORDER BY "isTotal" DESC, ${names.join()} LIMIT ${bind(limit + 1)}`;
  return { text, values };
}

/** By the key of the execution, so that the time depends on the workspace's own executions only. */
const ATTEMPTS = `(
        SELECT count(*) FROM execution_attempts attempt WHERE attempt.execution_id = execution.id)`;

/** Whether it was or may have been billed, as the latest finding about each attempt says. */
const IS_UNPRICED = `(execution.cost_nano_usd IS NULL AND (execution.status = 'completed' OR EXISTS (
        SELECT FROM attempt_outcomes outcome
         WHERE outcome.execution_id = execution.id AND outcome.billed <> 'no'
           AND NOT EXISTS (
             SELECT FROM attempt_outcomes later WHERE later.execution_id = execution.id
               AND later.attempt_number = outcome.attempt_number
               AND later.revision > outcome.revision))))`;

const TOKENS = {
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
  cacheReadTokens: 'cache_read_tokens',
  cacheWriteTokens: 'cache_write_tokens',
  reasoningTokens: 'reasoning_tokens',
} as const;

/** `interrupted` is what the API presents as failed. */
const COUNTS = {
  executions: 'count(*)',
  completed: `count(*) FILTER (WHERE status = 'completed')`,
  failed: `count(*) FILTER (WHERE status IN ('failed', 'interrupted'))`,
  cancelled: `count(*) FILTER (WHERE status = 'cancelled')`,
  unpriced: 'count(*) FILTER (WHERE is_unpriced)',
  attempts: 'coalesce(sum(attempts), 0)',
  ...Object.fromEntries(
    Object.entries(TOKENS).map(([name, column]) => [name, `coalesce(sum(${column}), 0)`]),
  ),
};

const latency = (part: number) =>
  `percentile_disc(${part}) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE status = 'completed')`;

const SUMS = [
  ...Object.entries(COUNTS).map(([name, sql]) => `${sql} AS "${name}"`),
  'sum(cost_nano_usd)::text AS "costNanoUsd"',
  `${latency(0.5)} AS "latencyMsP50"`,
  `${latency(0.95)} AS "latencyMsP95"`,
].join(', ');

function toSums(row: SumsRow): UsageSums {
  const counts = Object.fromEntries(
    Object.keys(COUNTS).map((name) => [name, Number(row[name])]),
  ) as unknown as Omit<UsageSums, 'costNanoUsd' | 'latencyMsP50' | 'latencyMsP95'>;
  const { costNanoUsd, latencyMsP50, latencyMsP95 } = row;
  const nothingPriced = counts.unpriced > 0 ? null : 0n;
  return {
    ...counts,
    costNanoUsd: costNanoUsd === null ? nothingPriced : BigInt(costNanoUsd),
    latencyMsP50,
    latencyMsP95,
  };
}

/** The lowest UUIDv7 of the moment: its first 48 bits are the time in milliseconds. */
function firstIdOf(timeMs: number): string {
  const hex = Math.max(0, timeMs).toString(16).padStart(12, '0').padEnd(32, '0');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
