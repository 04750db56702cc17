import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { AppError } from '../common';
import { TenantDatabase } from '../database';
import type { ListExecutionsQuery } from './dto/list-executions.query';
import {
  AttemptOutcomeEntity,
  ExecutionAttemptEntity,
  ExecutionEntity,
  ExecutionOutputEntity,
} from './execution.entity';
import type { AttemptRecord, ExecutionRecord } from './execution-record';

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
  constructor(private readonly tenants: TenantDatabase) {}

  /** Newest first, without attempts and outputs; one more than the limit if there is one. */
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
    return rows.map((row) => toRecord(row, [], null));
  }

  /**
   * One execution with everything.
   * @throws {AppError} `not_found`
   */
  async get(workspaceId: string, id: string): Promise<ExecutionRecord> {
    return this.tenants.read(workspaceId, async (manager) => {
      const row = await manager.findOneBy(ExecutionEntity, { id, workspaceId });
      if (row === null) throw new AppError('not_found', 'No such execution.');
      const where = { executionId: id, workspaceId };
      const attempts = await manager.find(ExecutionAttemptEntity, {
        where,
        order: { attemptNumber: 'ASC' },
      });
      const outcomes = await manager.find(AttemptOutcomeEntity, {
        where,
        order: { revision: 'ASC' },
      });
      const answer = await manager.findOneBy(ExecutionOutputEntity, where);
      return toRecord(
        row,
        attempts.map((attempt) => toAttempt(attempt, outcomes)),
        answer,
      );
    });
  }
}

function applyFilters(
  select: SelectQueryBuilder<ExecutionEntity>,
  query: ListExecutionsQuery,
): void {
  const { after, from, to } = query;
  for (const field of ['agentId', 'status', 'provider', 'model', 'apiKeyId'] as const) {
    const value = query[field];
    if (value !== undefined) select.andWhere(`execution.${field} = :${field}`, { [field]: value });
  }
  if (after !== undefined) select.andWhere('execution.id < :after', { after });
  if (from !== undefined) select.andWhere('execution.createdAt >= :from', { from: new Date(from) });
  if (to !== undefined) select.andWhere('execution.createdAt < :to', { to: new Date(to) });
}

function toRecord(
  row: ExecutionEntity,
  attempts: AttemptRecord[],
  answer: ExecutionOutputEntity | null,
): ExecutionRecord {
  return {
    ...row,
    output: answer?.output ?? null,
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
