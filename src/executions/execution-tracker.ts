import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { ExecuteResult, ProviderError } from '../ai-providers';
import { AppError, ERROR_CATALOGUE } from '../common';
import {
  type AttemptKey,
  ExecutionLedger,
  type ExecutionStart,
  LEDGER_RETRY_AFTER_MS,
  type Settlement,
} from './execution-ledger';
import type {
  AttemptOutcome,
  AttemptRecord,
  ExecutionFailure,
  ExecutionRecord,
} from './execution-record';

const FOREIGN_TEXT_LENGTH_MAX = 200;
/** Waits between the tries to record the end of an execution, in milliseconds. */
const SETTLE_WAITS_MS = [250, 1_000, 4_000];

/** An execution under way: its record so far, and the clock that measures it. */
export interface RunningExecution {
  readonly record: ExecutionRecord;
  /** Monotonic milliseconds. */
  readonly startedAtMs: number;
  readonly attemptStartedAtMs: number;
}

/** Follows each execution from start to its one terminal status, in the ledger first and then in memory. */
@Injectable()
export class ExecutionTracker {
  private readonly logger = new Logger(ExecutionTracker.name);

  constructor(private readonly ledger: ExecutionLedger) {}

  /**
   * Commits the execution and its first attempt. Call the provider only after this resolved.
   * @throws {AppError} `ledger_unavailable`
   */
  async startExecution(input: ExecutionStart): Promise<RunningExecution> {
    const startedAtMs = performance.now();
    const { id, workspaceId, agentId, provider, model, apiKeyId, metadata } = input;
    const startedAt = await this.ledger.start(input);
    const record: ExecutionRecord = {
      ...{ id, workspaceId, agentId, provider, model, apiKeyId, metadata },
      status: 'running',
      finishReason: null,
      output: null,
      error: null,
      usage: null,
      costNanoUsd: null,
      createdAt: startedAt,
      startedAt,
      completedAt: null,
      latencyMs: null,
      timeToFirstTokenMs: null,
      attempts: [{ number: 1, provider, model, apiKeyId, startedAt, outcome: null }],
    };
    return { record, startedAtMs, attemptStartedAtMs: performance.now() };
  }

  /**
   * Commits a further attempt. Call the provider only after this resolved.
   * @throws {AppError} `ledger_unavailable`
   */
  async startAttempt(execution: RunningExecution): Promise<RunningExecution> {
    const { record } = execution;
    const { provider, model, apiKeyId } = record;
    const number = record.attempts.length + 1;
    const startedAt = await this.ledger.startAttempt(attemptKey(record, number), record);
    const attempt = { number, provider, model, apiKeyId, startedAt, outcome: null };
    return {
      ...execution,
      record: { ...record, attempts: [...record.attempts, attempt] },
      attemptStartedAtMs: performance.now(),
    };
  }

  /** Commits the failure of an attempt after which another follows in `waitMs` milliseconds. */
  async failAttempt(
    execution: RunningExecution,
    error: ProviderError,
    waitMs: number,
  ): Promise<RunningExecution> {
    const { record } = execution;
    const outcome = failedOutcome(execution, error, Math.round(waitMs));
    await this.ledger.recordOutcome(attemptKey(record, record.attempts.length), outcome);
    return { ...execution, record: withOutcome(record, outcome) };
  }

  /** Commits the proved success. */
  async completeExecution(
    execution: RunningExecution,
    result: ExecuteResult,
  ): Promise<ExecutionRecord> {
    const { output, finishReason, usage, cost } = result;
    return this.settle(execution, {
      status: 'completed',
      output,
      finishReason,
      error: null,
      outcome: {
        errorCategory: null,
        billed: 'yes',
        upstreamStatus: null,
        upstreamCode: null,
        providerRequestId: plain(result.providerRequestId),
        model: plain(result.model),
        usage,
        costNanoUsd: cost?.nanoUsd ?? null,
        price: cost?.price ?? null,
        latencyMs: elapsedMs(execution.attemptStartedAtMs),
        waitMs: null,
      },
    });
  }

  /** Commits the failure of the last attempt and of the execution. */
  async failExecution(execution: RunningExecution, error: ProviderError): Promise<ExecutionRecord> {
    return this.settle(execution, {
      status: error.category === 'cancelled' ? 'cancelled' : 'failed',
      output: null,
      finishReason: null,
      error: describeFailure(error),
      outcome: failedOutcome(execution, error, null),
    });
  }

  private async settle(
    { record, startedAtMs }: RunningExecution,
    end: Omit<Settlement, 'latencyMs' | 'timeToFirstTokenMs'>,
  ): Promise<ExecutionRecord> {
    const settlement = { ...end, latencyMs: elapsedMs(startedAtMs), timeToFirstTokenMs: null };
    const key = attemptKey(record, record.attempts.length);
    const completedAt = await this.settleOrThrow(key, settlement);
    if (completedAt === null) {
      this.logger.warn({
        message: 'an execution was gone when it ended: its workspace was deleted',
        executionId: record.id,
      });
      throw new AppError('not_found', 'The workspace was deleted while the execution ran.');
    }
    const { status, output, finishReason, error, latencyMs, outcome } = settlement;
    return {
      ...withOutcome(record, outcome),
      ...{ status, output, finishReason, error, latencyMs, completedAt },
      usage: outcome.usage,
      costNanoUsd: outcome.costNanoUsd,
    };
  }

  /**
   * The call may have been paid for, so a ledger that cannot be written is tried again for a while.
   * @throws {AppError} `ledger_unavailable` with the id of the execution, which stays `running`.
   */
  private async settleOrThrow(key: AttemptKey, settlement: Settlement): Promise<Date | null> {
    for (let failures = 0; ; failures += 1) {
      try {
        const completedAt = await this.ledger.settle(key, settlement);
        // A try whose answer was lost may have settled it.
        return failures > 0 ? (completedAt ?? new Date()) : completedAt;
      } catch (cause) {
        const waitMs = SETTLE_WAITS_MS[failures];
        if (waitMs === undefined) throw notRecorded(key, settlement, cause);
        await delay(waitMs);
      }
    }
  }
}

function notRecorded(key: AttemptKey, { outcome }: Settlement, cause: unknown): AppError {
  const { executionId } = key;
  return new AppError('ledger_unavailable', 'The end of the execution could not be recorded.', {
    retryAfterMs: LEDGER_RETRY_AFTER_MS,
    extensions: { executionId, billed: outcome.billed },
    cause,
  });
}

function attemptKey(record: ExecutionRecord, attemptNumber: number) {
  return { executionId: record.id, workspaceId: record.workspaceId, attemptNumber };
}

/** Gives the last attempt its outcome, unless it has one already. */
function withOutcome(record: ExecutionRecord, outcome: AttemptOutcome): ExecutionRecord {
  const attempts = record.attempts.map((attempt, index): AttemptRecord => {
    const isLast = index === record.attempts.length - 1;
    return isLast && attempt.outcome === null ? { ...attempt, outcome } : attempt;
  });
  return { ...record, attempts };
}

function failedOutcome(
  execution: RunningExecution,
  error: ProviderError,
  waitMs: number | null,
): AttemptOutcome {
  return {
    errorCategory: error.category,
    billed: error.billed,
    upstreamStatus: error.upstreamStatus ?? null,
    upstreamCode: plain(error.upstreamCode),
    providerRequestId: plain(error.providerRequestId),
    model: null,
    usage: null,
    costNanoUsd: null,
    price: null,
    latencyMs: elapsedMs(execution.attemptStartedAtMs),
    waitMs,
  };
}

/** Short text that a provider chose, as it is stored and shown: without what PostgreSQL refuses. */
function plain(text: string | null | undefined): string | null {
  return text?.slice(0, FOREIGN_TEXT_LENGTH_MAX).replace(/[\p{Cc}\p{Cs}]/gu, '') ?? null;
}

function describeFailure({ category, retry, billed }: ProviderError): ExecutionFailure {
  const { title, remedy } = ERROR_CATALOGUE[category];
  return {
    category,
    code: category,
    message: `${title}. ${remedy}`,
    retryable: retry !== 'never',
    billed,
  };
}

function elapsedMs(sinceMs: number): number {
  return Math.round(performance.now() - sinceMs);
}
