import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { AppError } from '../../common';
import { ExecutionContent } from '../../content';
import { TenantDatabase } from '../../database';
import type { ListExecutionsQuery } from '../dto/list-executions.query';
import { AttemptOutcomeEntity, ExecutionAttemptEntity, ExecutionEntity } from './execution.entity';
import { ExecutionOutputEntity, ExecutionRequestEntity } from './execution-content.entity';
import type { AttemptRecord, ExecutionRecord } from './execution-record';
import { openStored } from './stored-content';

type MeteredRow = Pick<
  ExecutionEntity,
  | 'inputTokens'
  | 'outputTokens'
  | 'cacheReadTokens'
  | 'cacheWriteTokens'
  | 'reasoningTokens'
  | 'usageSource'
>;

/** Reads executions. */
@Injectable()
export class ExecutionQueries {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly content: ExecutionContent,
  ) {}

  /** Newest first, without attempts and content; one more than the limit if there is one. */
  async list(workspaceId: string, query: ListExecutionsQuery): Promise<ExecutionRecord[]> {
    const rows = await this.tenants.read(workspaceId, async (manager) => {
      const select = manager
        .createQueryBuilder(ExecutionEntity, 'execution')
        .where('execution.workspaceId = :workspaceId', { workspaceId })
        .orderBy('execution.id', 'DESC')
        .limit(query.limit + 1);
      applyFilters(select, query);
      return select.getMany();
    });
    return rows.map((row) => toRecord(row, []));
  }

  /**
   * One execution with everything. What of its content does not open is named in `unreadable`: the rest is told.
   * @throws {AppError} `not_found`
   */
  async get(workspaceId: string, id: string): Promise<ExecutionRecord> {
    const { row, attempts, request, answer } = await this.tenants.read(
      workspaceId,
      async (manager) => {
        const row = await manager.findOneBy(ExecutionEntity, { id, workspaceId });
        if (row === null) throw new AppError('not_found', 'No such execution.');
        const where = { executionId: id, workspaceId };
        const order = { attemptNumber: 'ASC' } as const;
        const attempts = await manager.find(ExecutionAttemptEntity, { where, order });
        const outcomes = await manager.find(AttemptOutcomeEntity, {
          where,
          order: { revision: 'ASC' },
        });
        return {
          row,
          attempts: attempts.map((attempt) => toAttempt(attempt, outcomes)),
          request: await manager.findOneBy(ExecutionRequestEntity, where),
          answer: await manager.findOneBy(ExecutionOutputEntity, where),
        };
      },
    );
    const record = toRecord(row, attempts);
    if (request === null && answer === null) return record;
    const stored = { request: request?.sealed ?? null, output: answer?.sealed ?? null };
    return { ...record, ...(await openStored(this.content, record, stored)) };
  }
}

function applyFilters(
  select: SelectQueryBuilder<ExecutionEntity>,
  query: ListExecutionsQuery,
): void {
  const { after, from, to } = query;
  if (query.status !== undefined) {
    const statuses = query.status === 'failed' ? ['failed', 'interrupted'] : [query.status];
    select.andWhere('execution.status IN (:...statuses)', { statuses });
  }
  for (const field of ['agentId', 'provider', 'model', 'apiKeyId'] as const) {
    const value = query[field];
    if (value !== undefined) select.andWhere(`execution.${field} = :${field}`, { [field]: value });
  }
  if (after !== undefined) select.andWhere('execution.id < :after', { after });
  if (from !== undefined) select.andWhere('execution.createdAt >= :from', { from: new Date(from) });
  if (to !== undefined) select.andWhere('execution.createdAt < :to', { to: new Date(to) });
}

function toRecord(row: ExecutionEntity, attempts: AttemptRecord[]): ExecutionRecord {
  return {
    ...row,
    request: null,
    output: null,
    unreadable: [],
    usage: toUsage(row),
    costNanoUsd: toBigInt(row.costNanoUsd),
    attempts,
  };
}

/** The latest revision of an outcome is the one that counts. */
function toAttempt(row: ExecutionAttemptEntity, outcomes: AttemptOutcomeEntity[]): AttemptRecord {
  const outcome = outcomes.findLast((candidate) => candidate.attemptNumber === row.attemptNumber);
  return {
    number: row.attemptNumber,
    provider: row.provider,
    model: row.model,
    apiKeyId: row.apiKeyId,
    startedAt: row.startedAt,
    outcome:
      outcome === undefined
        ? null
        : { ...outcome, usage: toUsage(outcome), costNanoUsd: toBigInt(outcome.costNanoUsd) },
  };
}

function toUsage(row: MeteredRow): ExecutionRecord['usage'] {
  if (row.inputTokens === null || row.outputTokens === null || row.usageSource === null)
    return null;
  return {
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    cacheReadTokens: row.cacheReadTokens ?? 0,
    cacheWriteTokens: row.cacheWriteTokens ?? 0,
    reasoningTokens: row.reasoningTokens ?? 0,
    source: row.usageSource,
  };
}

function toBigInt(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
