import { type UsageReportResponse, type UsageRowResponse, usageControllerReport } from '../client';
import { readAll } from './pages';

export type UsageGroup = 'day' | 'provider' | 'model' | 'agent' | 'apiKey';
export type UsageRow = UsageRowResponse;

/** All rows of a report, of however many pages. */
export type UsageReport = Pick<UsageReportResponse, 'data' | 'totals'>;

export interface UsageQuery {
  readonly groupBy: readonly UsageGroup[];
  readonly from: string;
  readonly to: string;
}

export async function readUsage(workspaceId: string, query: UsageQuery): Promise<UsageReport> {
  let totals: UsageReport['totals'] | undefined;
  const data = await readAll(async (page) => {
    const report = await usageControllerReport({
      path: { workspaceId },
      query: { ...query, groupBy: query.groupBy.join(','), ...page },
    });
    totals ??= report.data.totals;
    return report;
  });
  if (totals === undefined) throw new Error('a report without a page');
  return { data, totals };
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
