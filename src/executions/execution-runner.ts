import { Injectable, Logger } from '@nestjs/common';
import {
  type AIProvider,
  type ExecuteParams,
  type ExecuteResult,
  proveExecuteResult,
  ProviderCalls,
  ProviderError,
} from '../ai-providers';
import { ApiKeyCredentials, type ResolvedCredential } from '../api-keys';
import { AppError } from '../common';
import { executionFailed } from './execution-failure';
import { type EndedExecution, ExecutionTracker, type RunningExecution } from './execution-tracker';
import { type Run, RunningExecutions } from './lifecycle/running-executions';
import type { ExecutionStream } from './streams/execution-stream';
import { ExecutionStreams } from './streams/execution-streams';

/** Attempts of one execution in all, over every server that worked on it. */
const ATTEMPTS_MAX = 3;

/** What a started execution is run with. */
export interface ExecutionCall {
  readonly provider: AIProvider;
  readonly params: ExecuteParams;
  readonly credential: ResolvedCredential;
  /** Monotonic milliseconds. */
  readonly deadlineAt: number;
  /** Whether the provider is asked for pieces, which go to the stream of the execution. */
  readonly isStreamed: boolean;
}

/** Runs a started execution to its end: call with retries, then settle. Depends on no client. */
@Injectable()
export class ExecutionRunner {
  private readonly logger = new Logger(ExecutionRunner.name);

  constructor(
    private readonly tracker: ExecutionTracker,
    private readonly providerCalls: ProviderCalls,
    private readonly credentials: ApiKeyCredentials,
    private readonly running: RunningExecutions,
    private readonly streams: ExecutionStreams,
  ) {}

  /**
   * @returns the completed execution.
   * @throws {AppError} with the code of the failure and the id of the recorded execution.
   */
  async run(execution: RunningExecution, call: ExecutionCall): Promise<EndedExecution> {
    const { record } = execution;
    if (!call.isStreamed) {
      return this.running.run(record, (run) => this.runOnce(execution, call, run));
    }
    const { id } = record;
    const stream = this.streams.open(id);
    try {
      const ended = await this.running.run(record, (run) =>
        this.runOnce(execution, call, run, stream),
      );
      stream.close({ type: 'done', ended });
      return ended;
    } catch (error) {
      const failure = error instanceof AppError ? error : new AppError('internal');
      stream.close({ type: 'error', error: failure });
      throw error;
    } finally {
      this.streams.retire(id);
    }
  }

  private async runOnce(
    started: RunningExecution,
    call: ExecutionCall,
    run: Run,
    stream: ExecutionStream | null = null,
  ): Promise<EndedExecution> {
    let execution = started;
    let firstPieceAtMs: number | null = null;
    const timeToFirstTokenMs = () =>
      firstPieceAtMs === null ? null : Math.round(firstPieceAtMs - execution.startedAtMs);
    let lastFailure: ProviderError | null = null;
    let result: ExecuteResult;
    try {
      const answer = await this.providerCalls.run({
        provider: call.provider,
        params: call.params,
        signal: run.signal,
        onDelta:
          stream === null
            ? undefined
            : (delta) => {
                firstPieceAtMs ??= performance.now();
                stream.publish(delta);
              },
        beforeAttempt: async (attempt) => {
          if (attempt > 1) execution = await this.tracker.startAttempt(execution);
        },
        retry: {
          deadlineAt: call.deadlineAt,
          maxAttempts: Math.max(1, ATTEMPTS_MAX + 1 - started.record.attempts.length),
          onAttemptFailed: async ({ error, waitMs }) => {
            if (waitMs === null) return;
            lastFailure = error;
            execution = await this.tracker.failAttempt(execution, error, waitMs);
          },
        },
      });
      result = proveExecuteResult(answer);
    } catch (error) {
      throw await this.fail(execution, call, { error, lastFailure, run, timeToFirstTokenMs });
    }
    void this.credentials.noteUse(call.credential, 'ok');
    return this.tracker.completeExecution(execution, result, timeToFirstTokenMs());
  }

  private async fail(
    execution: RunningExecution,
    { credential }: ExecutionCall,
    end: Failure,
  ): Promise<AppError> {
    const { error, run } = end;
    const failure = toProviderError(error, end.lastFailure);
    if (failure.category === 'internal') {
      const name = error instanceof Error ? error.name : typeof error;
      const executionId = execution.record.id;
      this.logger.error({ message: 'a provider call broke', name, executionId });
    }
    void this.credentials.noteUse(credential, failure.category);
    const isInterrupted = run.endReason === 'shutdown' && failure.category === 'cancelled';
    const { record, isJournaled } = await this.tracker.failExecution(
      execution,
      failure,
      end.timeToFirstTokenMs(),
      isInterrupted,
    );
    if (error instanceof AppError) return attemptNotRecorded(error, record.id, record.attempts);
    return executionFailed(record, {
      retryAfterMs: failure.retryAfterMs,
      headers: isJournaled ? JOURNALED : undefined,
    });
  }
}

/** Tells that an answer is in the receipt journal and not yet in the ledger. */
export const JOURNALED = { 'Execution-Persistence': 'journaled' };

interface Failure {
  readonly error: unknown;
  /** Of the attempt that another was to follow. */
  readonly lastFailure: ProviderError | null;
  readonly run: Run;
  readonly timeToFirstTokenMs: () => number | null;
}

/**
 * What is no ProviderError is a bug of ours or of a provider module, or a write-ahead that failed: then the execution
 * ended with the attempt before.
 */
function toProviderError(error: unknown, lastFailure: ProviderError | null): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof AppError && lastFailure !== null) return lastFailure;
  const billed = error instanceof AppError ? 'no' : 'unknown';
  return new ProviderError({ category: 'internal', retry: 'never', billed });
}

/** A further attempt could not be written ahead, so it was not made. */
function attemptNotRecorded(
  error: AppError,
  executionId: string,
  attempts: readonly unknown[],
): AppError {
  const detail = 'A further attempt could not be recorded, so it was not made.';
  return new AppError(error.code, detail, {
    ...error.options,
    extensions: { executionId, attempts: attempts.length },
  });
}
