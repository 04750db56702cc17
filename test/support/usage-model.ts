import { formatUsd, parseUsd } from '../../src/ai-providers';
import type { LedgerEntry } from './random-ledger';

/** A row of a list or of a report. */
export type Row = Readonly<Record<string, string | number | null>>;

/** `groupBy` names, and the field of a row that each divides by. */
export const GROUP_FIELDS: Readonly<Record<string, string>> = {
  day: 'day',
  provider: 'provider',
  model: 'model',
  agent: 'agentId',
  apiKey: 'apiKeyId',
};

/** What makes rows one group. */
export function keyOf(row: Row, groupBy: readonly string[]): string {
  return JSON.stringify(groupBy.map((name) => row[GROUP_FIELDS[name]!]));
}

export function groupedBy<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}

/** The fields of an entry by which it may be grouped. */
export function rowOf({ agentId, provider, model, apiKeyId, createdAt }: LedgerEntry): Row {
  return { agentId, provider, model, apiKeyId, day: createdAt.toISOString().slice(0, 10) };
}

/**
 * What a report must say of executions, added up without SQL: from the rows of their list, and from the
 * entries of the ledger what the list leaves out.
 */
export function sumsOf(listed: readonly Row[], ledger: readonly LedgerEntry[]): Row {
  const count = (status: string) => listed.filter((row) => row.status === status).length;
  const sum = (field: string) => listed.reduce((total, row) => total + Number(row[field] ?? 0), 0);
  const costs = listed.flatMap(({ costUsd }) => (costUsd === null ? [] : [String(costUsd)]));
  const cost = formatUsd(costs.reduce((total, text) => total + parseUsd(text), 0n));
  const unpriced = ledger.filter(isUnpriced).length;
  const [completed, failed] = [count('completed'), count('failed')];
  const latencies = listed
    .filter(({ status }) => status === 'completed')
    .map(({ latencyMs }) => Number(latencyMs))
    .sort((one, other) => one - other);
  const quantile = (part: number) => latencies[Math.ceil(part * latencies.length) - 1] ?? null;
  return {
    executions: listed.length,
    completed,
    failed,
    cancelled: count('cancelled'),
    unpriced,
    attempts: ledger.reduce((total, entry) => total + attemptsOf(entry), 0),
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    cacheReadTokens: sum('cacheReadTokens'),
    cacheWriteTokens: sum('cacheWriteTokens'),
    reasoningTokens: sum('reasoningTokens'),
    costUsd: costs.length === 0 && unpriced > 0 ? null : cost,
    latencyMsP50: quantile(0.5),
    latencyMsP95: quantile(0.95),
    errorRate:
      completed + failed === 0 ? null : Math.round((failed / (completed + failed)) * 1e4) / 1e4,
  };
}

function isUnpriced({ status, costNanoUsd, billed }: LedgerEntry): boolean {
  if (status === 'completed') return costNanoUsd === null;
  return ['failed', 'cancelled'].includes(status) && billed !== 'no';
}

function attemptsOf({ status, failedAttempts }: LedgerEntry): number {
  return status === 'queued' ? 0 : failedAttempts + 1;
}
