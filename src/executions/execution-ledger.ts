import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ExecutionOutput, FinishReason, Usage } from '../ai-providers';
import { AppError } from '../common';
import type { AttemptOutcome, ExecutionFailure } from './execution-record';

/** How long a client should wait when the ledger cannot be written. */
const LEDGER_RETRY_AFTER_MS = 2_000;
const FIRST_REVISION = 1;

const START = `
  WITH execution AS (
    INSERT INTO agent_executions
      (id, workspace_id, agent_id, provider, model, status, api_key_id, metadata, created_at, started_at, deadline_at)
    VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, now(), now(), now() + make_interval(secs => $8))
    RETURNING created_at)
  INSERT INTO execution_attempts
    (execution_id, attempt_number, workspace_id, provider, model, api_key_id, started_at)
  SELECT $1, 1, $2, $4, $5, $6, created_at FROM execution
  RETURNING started_at AS "startedAt"`;

const START_ATTEMPT = `
  INSERT INTO execution_attempts
    (execution_id, attempt_number, workspace_id, provider, model, api_key_id, started_at)
  SELECT id, $2, workspace_id, $4, $5, $6, now() FROM agent_executions
   WHERE id = $1 AND workspace_id = $3 AND status = 'running' FOR KEY SHARE
  RETURNING started_at AS "startedAt"`;

const OUTCOME_COLUMNS = `execution_id, attempt_number, revision, workspace_id, error_category, billed,
    upstream_status, upstream_code, provider_request_id, model, input_tokens, output_tokens,
    cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd, price,
    latency_ms, wait_ms, ended_at`;
const OUTCOME_VALUES = `$1, $2, ${FIRST_REVISION}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
    $16, $17, $18, $19, now()`;

const RECORD_OUTCOME = `
  WITH execution AS (
    SELECT id FROM agent_executions WHERE id = $1 AND workspace_id = $3 FOR KEY SHARE)
  INSERT INTO attempt_outcomes (${OUTCOME_COLUMNS}) SELECT ${OUTCOME_VALUES} FROM execution
  ON CONFLICT DO NOTHING`;

/**
 * Status, outcome and output in one statement, hence one commit. An outcome that was recorded before the
 * end (the execution failed while it waited for its next attempt) stays as it is.
 */
const SETTLE = `
  WITH settled AS (
    UPDATE agent_executions
       SET status = $20, finish_reason = $21, error = $22, completed_at = now(), latency_ms = $23,
           time_to_first_token_ms = $24, input_tokens = $10, output_tokens = $11,
           cache_read_tokens = $12, cache_write_tokens = $13, reasoning_tokens = $14,
           usage_source = $15, cost_nano_usd = $16
     WHERE id = $1 AND workspace_id = $3 AND status = 'running'
    RETURNING id, completed_at),
  outcome AS (
    INSERT INTO attempt_outcomes (${OUTCOME_COLUMNS})
    SELECT ${OUTCOME_VALUES} FROM settled
    ON CONFLICT DO NOTHING),
  answer AS (
    INSERT INTO execution_outputs (execution_id, workspace_id, output)
    SELECT $1, $3, $25::json FROM settled WHERE $25::json IS NOT NULL)
  SELECT completed_at AS "completedAt" FROM settled`;

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

/** The statements of the ledger, by hand: they are the hot path, and each is one commit. */
@Injectable()
export class ExecutionLedger {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Commits the execution and its first attempt.
   * @returns when it started, by the clock of the database.
   * @throws {AppError} `ledger_unavailable`: nothing is written, so nothing may be sent.
   */
  async start(start: ExecutionStart): Promise<Date> {
    return this.writeAhead(START, [
      start.id,
      start.workspaceId,
      start.agentId,
      start.provider,
      start.model,
      start.apiKeyId,
      start.metadata === null ? null : JSON.stringify(start.metadata),
      start.timeoutMs / 1_000,
    ]);
  }

  /**
   * Commits a further attempt.
   * @throws {AppError} `ledger_unavailable`; `not_found` when the execution is gone with its workspace.
   */
  async startAttempt(
    { executionId, workspaceId, attemptNumber }: AttemptKey,
    target: Pick<ExecutionStart, 'provider' | 'model' | 'apiKeyId'>,
  ): Promise<Date> {
    const { provider, model, apiKeyId } = target;
    const values = [executionId, attemptNumber, workspaceId, provider, model, apiKeyId];
    return this.writeAhead(START_ATTEMPT, values);
  }

  /** Commits how an attempt ended that is followed by another. */
  async recordOutcome(key: AttemptKey, outcome: AttemptOutcome): Promise<void> {
    await this.dataSource.query(RECORD_OUTCOME, outcomeValues(key, outcome));
  }

  /**
   * Commits the end of the execution with the outcome of its last attempt.
   * @returns when it ended; null when the execution was not running any more, and nothing was written.
   */
  async settle(key: AttemptKey, settlement: Settlement): Promise<Date | null> {
    const { status, finishReason, error, latencyMs, timeToFirstTokenMs, output } = settlement;
    const [row] = await this.dataSource.query<{ completedAt: Date }[]>(SETTLE, [
      ...outcomeValues(key, settlement.outcome),
      status,
      finishReason,
      error === null ? null : JSON.stringify(error),
      latencyMs,
      timeToFirstTokenMs,
      output === null ? null : JSON.stringify(output),
    ]);
    return row?.completedAt ?? null;
  }

  private async writeAhead(text: string, values: unknown[]): Promise<Date> {
    try {
      const [row] = await this.dataSource.query<{ startedAt: Date }[]>(text, values);
      if (row === undefined) throw new AppError('not_found', 'No such execution.');
      return row.startedAt;
    } catch (error) {
      throw toLedgerError(error);
    }
  }
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

function outcomeValues(key: AttemptKey, outcome: AttemptOutcome): unknown[] {
  return [
    key.executionId,
    key.attemptNumber,
    key.workspaceId,
    outcome.errorCategory,
    outcome.billed,
    outcome.upstreamStatus,
    outcome.upstreamCode,
    outcome.providerRequestId,
    outcome.model,
    ...usageValues(outcome.usage),
    outcome.costNanoUsd?.toString() ?? null,
    outcome.price === null ? null : JSON.stringify(outcome.price),
    outcome.latencyMs,
    outcome.waitMs,
  ];
}

function usageValues(usage: Usage | null): (number | string | null)[] {
  if (usage === null) return [null, null, null, null, null, null];
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, source } =
    usage;
  return [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, source];
}
