import { Injectable } from '@nestjs/common';
import { AppError } from '../common';
import type { UsageQuery } from './dto/usage.query';
import {
  presentGroup,
  presentSums,
  type UsageReportResponse,
  type UsageRowResponse,
} from './dto/usage.response';
import { toCsv } from './usage-csv';
import {
  type Dimension,
  DIMENSIONS,
  type GroupKey,
  parseCursor,
  parseGroupBy,
  toCursor,
} from './usage-dimensions';
import { UsageQueries } from './usage-queries';
import type { UsageRange } from './usage-record';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const DAYS_MAX = 400;
/** A file that a spreadsheet still opens. */
const CSV_ROWS_MAX = 50_000;

/** Columns of a file behind what its rows are grouped by. */
const SUM_COLUMNS: readonly (keyof UsageRowResponse)[] = [
  ...(['executions', 'completed', 'failed', 'cancelled', 'unpriced', 'attempts'] as const),
  ...(['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const),
  ...(['reasoningTokens', 'costUsd', 'latencyMsP50', 'latencyMsP95', 'errorRate'] as const),
];

/** Makes reports of what a workspace used. */
@Injectable()
export class UsageReports {
  constructor(private readonly queries: UsageQueries) {}

  /** @throws {AppError} `validation_failed` for an empty or too long time, or a foreign cursor. */
  async page(workspaceId: string, query: UsageQuery, now: Date): Promise<UsageReportResponse> {
    const dimensions = parseGroupBy(query.groupBy);
    const after = readCursor(query.after, dimensions);
    const range = toRange(workspaceId, query, now);
    const limit = query.limit + 1;
    const { totals, groups } = await this.queries.sum(range, dimensions, { after, limit });
    const page = groups.slice(0, query.limit);
    const last = page.at(-1);
    const hasMore = groups.length > query.limit;
    return {
      object: 'list',
      data: page.map((group) => presentGroup(dimensions, group)),
      totals: presentSums(totals),
      hasMore,
      nextCursor: hasMore && last !== undefined ? toCursor(last.key) : null,
    };
  }

  /**
   * All rows, as CSV.
   * @throws {AppError} as `page`, and `unprocessable` for more rows than a file may have.
   */
  async csv(workspaceId: string, query: UsageQuery, now: Date): Promise<string> {
    const dimensions = parseGroupBy(query.groupBy);
    const range = toRange(workspaceId, query, now);
    const limit = CSV_ROWS_MAX + 1;
    const { groups } = await this.queries.sum(range, dimensions, { after: null, limit });
    if (groups.length > CSV_ROWS_MAX) {
      throw new AppError(
        'unprocessable',
        `The report has more than ${CSV_ROWS_MAX} rows. Name fewer groups or a shorter time.`,
      );
    }
    const columns = [...dimensions.map((name) => DIMENSIONS[name].field), ...SUM_COLUMNS];
    return toCsv(
      columns,
      groups.map((group) => presentGroup(dimensions, group)),
    );
  }
}

function readCursor(after: string | undefined, dimensions: readonly Dimension[]): GroupKey | null {
  if (after === undefined) return null;
  const key = parseCursor(after, dimensions.length);
  return key ?? refuse('?after', 'must be the nextCursor of a page of the same groups');
}

function toRange(workspaceId: string, query: UsageQuery, now: Date): UsageRange {
  const { provider, model, agentId, apiKeyId } = query;
  const to = query.to === undefined ? now : new Date(query.to);
  const today = Math.floor(to.getTime() / DAY_MS) * DAY_MS;
  const from =
    query.from === undefined ? new Date(today - (DEFAULT_DAYS - 1) * DAY_MS) : new Date(query.from);
  if (from >= to) refuse('?from', 'must be before `to`');
  if (to.getTime() - from.getTime() > DAYS_MAX * DAY_MS) {
    refuse('?from', `must be at most ${DAYS_MAX} days before \`to\``);
  }
  return { workspaceId, from, to, provider, model, agentId, apiKeyId };
}

function refuse(pointer: string, message: string): never {
  throw new AppError('validation_failed', `Invalid: ${pointer}. See \`errors\`.`, {
    fields: [{ pointer, message }],
  });
}
