import { client } from '../client/client.gen';

export type UsageGroup = 'day' | 'provider' | 'model' | 'agent' | 'apiKey';

/** What the executions of one group came to. Which of the names are there depends on the grouping. */
export interface UsageRow {
  readonly day?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly agentId?: string;
  /** Null: the provider needs no key. */
  readonly apiKeyId?: string | null;
  readonly executions: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Executions whose price is unknown: they are missing in `costUsd`. */
  readonly unpriced: number;
  readonly attempts: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: string | null;
  readonly latencyMsP50: number | null;
  readonly latencyMsP95: number | null;
  readonly errorRate: number | null;
}

export interface UsageReport {
  readonly data: readonly UsageRow[];
  readonly totals: Omit<UsageRow, 'day' | 'provider' | 'model' | 'agentId' | 'apiKeyId'>;
}

export interface UsageQuery {
  readonly groupBy: readonly UsageGroup[];
  readonly from: string;
  readonly to: string;
}

export async function readUsage(workspaceId: string, query: UsageQuery): Promise<UsageReport> {
  const { data } = await client.get<Record<200, UsageReport>, unknown, true>({
    url: '/api/workspaces/{workspaceId}/usage',
    path: { workspaceId },
    query: { ...query, groupBy: query.groupBy.join(',') },
  });
  return data;
}

/** Where the same report is as a file. */
export function usageCsvPath(workspaceId: string, { groupBy, from, to }: UsageQuery): string {
  const query = new URLSearchParams({ groupBy: groupBy.join(','), from, to, format: 'csv' });
  return `/api/workspaces/${workspaceId}/usage?${query.toString()}`;
}

const DAY_MS = 86_400_000;

/** Whole UTC days, today included, so that sums of days are sums of the report. */
export function lastDays(days: number, now = Date.now()): { from: string; to: string } {
  const tomorrow = (Math.floor(now / DAY_MS) + 1) * DAY_MS;
  return {
    from: new Date(tomorrow - days * DAY_MS).toISOString(),
    to: new Date(tomorrow).toISOString(),
  };
}
