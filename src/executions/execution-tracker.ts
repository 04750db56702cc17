import { Injectable, Logger } from '@nestjs/common';
import type { ExecuteResult, ProviderError } from '../ai-providers';
import { AppError } from '../common';
import type { ContentSealer } from '../content';
import {
  describeFailure,
  failed,
  interrupted,
  succeeded,
  totalsOf,
} from './ledger/attempt-outcome';
import { ExecutionLedger, type StartedRow } from './ledger/execution-ledger';
import type { AttemptOutcome, AttemptRecord, ExecutionRecord } from './ledger/execution-record';
import {
  type ExecutionStart,
  NOTHING_ASSUMED,
  type Settlement,
  type StartAssumptions,
  type StartRow,
} from './ledger/ledger-rows';
import { attemptKey, describeLostStart } from './ledger/lost-start';
import { refuseUnstarted } from './ledger/refused-start';
import { Settlements } from './ledger/settlements';
import { storableOutput } from './ledger/stored-content';
import { ExecutionStarts } from './ledger/execution-starts';
import { type End, lesserEnds } from './lesser-ends';

/** The greatest integer of the database: 25 days, for which one may wait while no server runs. */
const LATENCY_MS_MAX = 2_147_483_647;

/** An execution under way: its record so far, and the clock that measures it. */
export interface RunningExecution {
  readonly record: ExecutionRecord;
  readonly settings: Pick<StartedRow, 'onDisconnect' | 'storeAtProvider'>;
  /** What started it, for a database that loses it; null: another server may go on with it then. */
  readonly start: StartRow | null;
  /** Seals the answer; null: it is not stored. */
  readonly sealer: ContentSealer | null;
  /** Monotonic milliseconds of this server, also of one that another server started. */
  readonly startedAtMs: number;
  readonly attemptStartedAtMs: number;
}

/** An execution as it was recorded at its end. */
export interface EndedExecution {
  readonly record: ExecutionRecord;
  /** The ledger could not be written: the receipt is in the journal and gets there later. */
  readonly isJournaled: boolean;
}

/** Follows each execution from start to its one terminal status, in the ledger first and then in memory. */
@Injectable()
export class ExecutionTracker {
  private readonly logger = new Logger(ExecutionTracker.name);

  constructor(
    private readonly ledger: ExecutionLedger,
    private readonly settlements: Settlements,
    private readonly starts: ExecutionStarts,
  ) {}

  /**
   * Commits the execution and its first attempt. Call the provider only after this resolved.
   * @param sealer - seals the answer, if the workspace keeps answers.
   * @param assumed - what is confirmed by the same statement.
   * @throws {AppError} `ledger_unavailable`
   * @throws {IdempotencyKeyTaken}
   * @throws {OutdatedAssumption}
   */
  async startExecution(
    input: ExecutionStart,
    sealer: ContentSealer,
    assumed: StartAssumptions = NOTHING_ASSUMED,
  ): Promise<RunningExecution> {
    const startedAtMs = performance.now();
    const { id, workspaceId, agentId, provider, model, apiKeyId, metadata, mode } = input;
    const started = await this.starts.start(input, assumed);
    refuseUnstarted(started);
    const { startedAt } = started;
    const record: ExecutionRecord = {
      ...{ id, workspaceId, agentId, provider, model, apiKeyId, metadata, mode },
      status: 'running',
      fence: 1,
      request: null,
      finishReason: null,
      output: null,
      unreadable: [],
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
    // An answer that a client may ask for again is kept as long as it may ask.
    const isKept = started.storeContent === 'full' || input.idempotency !== null;
    return {
      record,
      settings: started,
      start: this.ledger.rowOf({ ...input, request: null }),
      sealer: isKept ? sealer : null,
      startedAtMs,
      attemptStartedAtMs: performance.now(),
    };
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
    const { record, attemptStartedAtMs } = execution;
    const outcome = failed(error, elapsedMs(attemptStartedAtMs), Math.round(waitMs));
    await this.ledger.recordOutcome(attemptKey(record, record.attempts.length), outcome);
    return { ...execution, record: withOutcome(record, outcome) };
  }

  /**
   * Commits the proved success. One that the database refuses is recorded as a failure, and given as such.
   * @param timeToFirstTokenMs - milliseconds from start to the first piece of a streamed answer; null: not streamed.
   */
  async completeExecution(
    execution: RunningExecution,
    result: ExecuteResult,
    timeToFirstTokenMs: number | null = null,
  ): Promise<EndedExecution> {
    const { output, finishReason } = result;
    const outcome = succeeded(result, elapsedMs(execution.attemptStartedAtMs));
    const end = { status: 'completed', output, finishReason, error: null, outcome } as const;
    return this.settle(execution, { ...end, timeToFirstTokenMs });
  }

  /**
   * Commits the failure of the last attempt and of the execution, with what had come of the answer.
   * @param isInterrupted - this server ended the call because it shuts down.
   */
  async failExecution(
    execution: RunningExecution,
    error: ProviderError,
    timeToFirstTokenMs: number | null = null,
    isInterrupted = false,
  ): Promise<EndedExecution> {
    const outcome = failed(error, elapsedMs(execution.attemptStartedAtMs), null);
    const isCancelled = error.category === 'cancelled' && !isInterrupted;
    return this.settle(execution, {
      status: isCancelled ? 'cancelled' : 'failed',
      output: error.output ?? null,
      finishReason: null,
      error: isInterrupted ? interrupted(error.billed) : describeFailure(error),
      outcome: isInterrupted ? { ...outcome, errorCategory: 'interrupted' } : outcome,
      timeToFirstTokenMs,
    });
  }

  private async settle(execution: RunningExecution, end: End): Promise<EndedExecution> {
    const { record } = execution;
    const tookMs = elapsedMs(execution.startedAtMs);
    const settlement = describeSettlement(execution, end, tookMs);
    const lesser = lesserEnds(end).map((one) => describeSettlement(execution, one, tookMs));
    const key = attemptKey(record, record.attempts.length);
    const settled = await this.settlements.record(key, settlement, lesser);
    if (settled === null) {
      this.logger.warn({
        message: 'an execution was gone when it ended: deleted, or ended by another server',
        executionId: record.id,
      });
      throw new AppError('not_found', 'The execution was ended or deleted while it ran.');
    }
    const { outcome, totals, completedAt, latencyMs, ...ended } = settled.settlement;
    const { status, output, finishReason, error, timeToFirstTokenMs } = ended;
    return {
      record: {
        ...withOutcome(record, outcome),
        ...totals,
        ...{ status, output, finishReason, error, completedAt, latencyMs, timeToFirstTokenMs },
      },
      isJournaled: settled.isJournaled,
    };
  }
}

function describeSettlement(execution: RunningExecution, end: End, tookMs: number): Settlement {
  const record = withOutcome(execution.record, end.outcome);
  return {
    ...end,
    totals: totalsOf(record.attempts),
    completedAt: new Date((record.startedAt ?? record.createdAt).getTime() + tookMs),
    latencyMs: Math.min(tookMs, LATENCY_MS_MAX),
    sealedOutput: storableOutput(execution.sealer, record.id, end.output),
    lostStart: describeLostStart(execution.start, record),
  };
}

/** Gives the last attempt its outcome, unless it has one already. */
function withOutcome(record: ExecutionRecord, outcome: AttemptOutcome): ExecutionRecord {
  const attempts = record.attempts.map((attempt, index): AttemptRecord => {
    const isLast = index === record.attempts.length - 1;
    return isLast && attempt.outcome === null ? { ...attempt, outcome } : attempt;
  });
  return { ...record, attempts };
}

function elapsedMs(sinceMs: number): number {
  return Math.round(performance.now() - sinceMs);
}
