import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ExecutionOutput, FinishReason } from '../ai-providers';
import { AppError } from '../common';
import type { AttemptOutcome, ExecutionFailure } from './execution-record';

/** How long a client should wait when the ledger cannot be written. */
export const LEDGER_RETRY_AFTER_MS = 2_000;
/** How often a statement is tried that lost a race against another transaction. */
const RACES_MAX = 3;

const START = `SELECT started_at AS "startedAt" FROM start_executions($1)`;
const START_ATTEMPT = `SELECT started_at AS "startedAt" FROM start_attempts($1)`;
const RECORD_OUTCOME = `SELECT record_outcomes($1)`;
const SETTLE = `SELECT completed_at AS "completedAt" FROM settle_executions($1)`;

/** Which attempt of which execution. */
export interface AttemptKey {
  readonly executionId: string;
  readonly workspaceId: string;
  readonly attemptNumber: number;
}

export interface ExecutionStart {
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly provider: string;
  readonly model: string;
  readonly apiKeyId: string | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly timeoutMs: number;
}

export interface Settlement {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly outcome: AttemptOutcome;
  readonly finishReason: FinishReason | null;
  readonly error: ExecutionFailure | null;
  readonly output: ExecutionOutput | null;
  readonly latencyMs: number;
  readonly timeToFirstTokenMs: number | null;
}

/**
 * The statements of the ledger: the hot path. Each is one call of a function of the database, which takes the
 * workspace with every row, and one commit.
 */
@Injectable()
export class ExecutionLedger {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Commits the execution and its first attempt.
   * @returns when it started, by the clock of the database.
   * @throws {AppError} `ledger_unavailable`: nothing is written, so nothing may be sent.
   */
  async start(start: ExecutionStart): Promise<Date> {
    return this.writeAhead(START, {
      id: start.id,
      workspace_id: start.workspaceId,
      agent_id: start.agentId,
      provider: start.provider,
      model: start.model,
      api_key_id: start.apiKeyId,
      metadata: start.metadata,
      timeout_ms: start.timeoutMs,
    });
  }

  /**
   * Commits a further attempt.
   * @throws {AppError} `ledger_unavailable`; `not_found` when the execution is gone with its workspace.
   */
  async startAttempt(
    { executionId, workspaceId, attemptNumber }: AttemptKey,
    target: Pick<ExecutionStart, 'provider' | 'model' | 'apiKeyId'>,
  ): Promise<Date> {
    return this.writeAhead(START_ATTEMPT, {
      execution_id: executionId,
      attempt_number: attemptNumber,
      workspace_id: workspaceId,
      provider: target.provider,
      model: target.model,
      api_key_id: target.apiKeyId,
    });
  }

  /** Commits how an attempt ended that is followed by another. */
  async recordOutcome(key: AttemptKey, outcome: AttemptOutcome): Promise<void> {
    await this.write(RECORD_OUTCOME, outcomeRow(key, outcome));
  }

  /**
   * Commits the end of the execution with the outcome of its last attempt.
   * @returns when it ended; null when the execution was not running any more, and nothing was written.
   */
  async settle(key: AttemptKey, settlement: Settlement): Promise<Date | null> {
    const row = {
      ...outcomeRow(key, settlement.outcome),
      status: settlement.status,
      finish_reason: settlement.finishReason,
      error: settlement.error,
      execution_latency_ms: settlement.latencyMs,
      time_to_first_token_ms: settlement.timeToFirstTokenMs,
      output: settlement.output === null ? null : JSON.stringify(settlement.output),
    };
    const [settled] = await this.write<{ completedAt: Date }>(SETTLE, row);
    return settled?.completedAt ?? null;
  }

  private async writeAhead(text: string, values: object): Promise<Date> {
    try {
      const [row] = await this.write<{ startedAt: Date }>(text, values);
      if (row === undefined) throw new AppError('not_found', 'No such execution.');
      return row.startedAt;
    } catch (error) {
      throw toLedgerError(error);
    }
  }

  /** The functions take a JSON list of rows; one row here. A lost race against another transaction is run again. */
  private async write<Row>(text: string, row: object): Promise<Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.dataSource.query<Row[]>(text, [JSON.stringify([row])]);
      } catch (error) {
        if (attempt === RACES_MAX || !isLostRace(error)) throw error;
      }
    }
  }
}

/** PostgreSQL ended a deadlock (40P01) or could not serialise (40001): nothing was written. */
function isLostRace(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '40P01' || code === '40001';
}

/** A foreign key that is missing means that the workspace was deleted since the guard looked. */
function toLedgerError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if ((error as { code?: string }).code === '23503')
    return new AppError('not_found', 'No such workspace.');
  return new AppError('ledger_unavailable', undefined, {
    retryAfterMs: LEDGER_RETRY_AFTER_MS,
    cause: error,
  });
}

function outcomeRow(key: AttemptKey, outcome: AttemptOutcome): object {
  return {
    execution_id: key.executionId,
    attempt_number: key.attemptNumber,
    workspace_id: key.workspaceId,
    error_category: outcome.errorCategory,
    billed: outcome.billed,
    upstream_status: outcome.upstreamStatus,
    upstream_code: outcome.upstreamCode,
    provider_request_id: outcome.providerRequestId,
    model: outcome.model,
    input_tokens: outcome.usage?.inputTokens,
    output_tokens: outcome.usage?.outputTokens,
    cache_read_tokens: outcome.usage?.cacheReadTokens,
    cache_write_tokens: outcome.usage?.cacheWriteTokens,
    reasoning_tokens: outcome.usage?.reasoningTokens,
    usage_source: outcome.usage?.source,
    cost_nano_usd: outcome.costNanoUsd?.toString(),
    price: outcome.price,
    latency_ms: outcome.latencyMs,
    wait_ms: outcome.waitMs,
  };
}
