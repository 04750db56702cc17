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
import type { ExecutionRecord } from './ledger/execution-record';
import { type Run, RunningExecutions } from './lifecycle/running-executions';
import type { ExecutionStream } from './streams/execution-stream';
import { ExecutionStreams } from './streams/execution-streams';

/** Attempts of one execution in all, over every server that worked on it. */
const ATTEMPTS_MAX = 3;
/** How often a call is repeated that may have been billed, over every server too. */
const AMBIGUOUS_RETRIES_MAX = 1;

/** An execution whose start may still be on its way to the ledger. */
export interface StartingExecution {
  readonly id: string;
  readonly workspaceId: string;
  /** Written ahead so far, over every server, with the one that is about to be made. ≥ 1. */
  readonly attempts: number;
  /** Those before it that may have been billed. ≥ 0. */
  readonly billedAttempts: number;
  /** Resolves when the start and that attempt have committed. Rejects when nothing was started: then nothing is sent. */
  readonly started: Promise<RunningExecution>;
}

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

/** Runs an execution to its end: call with retries, then settle. Depends on no client. */
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

  /** Does what may lead to a {@link run}: a server that shuts down waits for both. */
  whileStarting<T>(start: () => Promise<T>): Promise<T> {
    return this.running.whileStarting(start);
  }

  /**
   * @returns the completed execution.
   * @throws {AppError} with the code of the failure and the id of the recorded execution.
   * @throws what its start threw: then nothing was sent and nothing is recorded.
   */
  async run(starting: StartingExecution, call: ExecutionCall): Promise<EndedExecution> {
    if (!call.isStreamed) {
      return this.running.run(starting, (run) => this.runOnce(starting, call, run));
    }
    const { id } = starting;
    const stream = this.streams.open(id);
    try {
      const ended = await this.running.run(starting, (run) =>
        this.runOnce(starting, call, run, stream),
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
    starting: StartingExecution,
    call: ExecutionCall,
    run: Run,
    stream: ExecutionStream | null = null,
  ): Promise<EndedExecution> {
    const course = new Course();
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
                course.firstPieceAtMs ??= performance.now();
                stream.publish(delta);
              },
        beforeAttempt: async (attempt) => {
          course.execution = await (attempt === 1
            ? starting.started
            : this.tracker.startAttempt(course.started));
        },
        retry: {
          deadlineAt: call.deadlineAt,
          ambiguousRetries: Math.max(0, AMBIGUOUS_RETRIES_MAX - starting.billedAttempts),
          maxAttempts: Math.max(1, ATTEMPTS_MAX + 1 - starting.attempts),
          onAttemptFailed: async ({ error, waitMs }) => {
            if (waitMs === null) return;
            course.lastFailure = error;
            course.execution = await this.tracker.failAttempt(course.started, error, waitMs);
          },
        },
      });
      result = proveExecuteResult(answer);
    } catch (error) {
      // A call may end before its first attempt, by its deadline or from outside. What has started ends all the same.
      course.execution ??= await starting.started;
      throw await this.fail(course, call, { error, run });
    }
    void this.credentials.noteUse(call.credential, 'ok');
    const ended = await this.tracker.completeExecution(
      course.started,
      result,
      course.timeToFirstTokenMs,
    );
    if (ended.record.status === 'completed') return ended;
    throw executionFailed(ended.record, { headers: ended.isJournaled ? JOURNALED : undefined });
  }

  private async fail(
    course: Course,
    { credential }: ExecutionCall,
    { error, run }: { readonly error: unknown; readonly run: Run },
  ): Promise<AppError> {
    const execution = course.started;
    const failure = toProviderError(error, course.lastFailure);
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
      course.timeToFirstTokenMs,
      isInterrupted,
    );
    if (error instanceof AppError) return attemptNotRecorded(error, record);
    return executionFailed(record, {
      retryAfterMs: failure.retryAfterMs,
      headers: isJournaled ? JOURNALED : undefined,
    });
  }
}

/** Tells that an answer is in the receipt journal and not yet in the ledger. */
export const JOURNALED = { 'Execution-Persistence': 'journaled' };

/** How far one execution has come on this server. */
class Course {
  /** Null until its start is in the ledger. */
  execution: RunningExecution | null = null;
  /** Of the attempt that another was to follow. */
  lastFailure: ProviderError | null = null;
  firstPieceAtMs: number | null = null;

  get started(): RunningExecution {
    if (this.execution === null) throw new Error('the execution has not started');
    return this.execution;
  }

  get timeToFirstTokenMs(): number | null {
    if (this.firstPieceAtMs === null) return null;
    return Math.round(this.firstPieceAtMs - this.started.startedAtMs);
  }
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

/**
 * A further attempt could not be written ahead, so it was not made. Who may have paid for an earlier one is not asked to
 * repeat.
 */
function attemptNotRecorded(error: AppError, record: ExecutionRecord): AppError {
  const billed = record.attempts.map((attempt) => attempt.outcome?.billed ?? 'no');
  const paid = billed.find((one) => one !== 'no') ?? 'no';
  const refusal = 'A further attempt could not be recorded, so it was not made.';
  const remedy = 'An earlier one may have been billed. Do not repeat it: read the execution.';
  return new AppError(error.code, paid === 'no' ? refusal : `${refusal} ${remedy}`, {
    ...error.options,
    retryAfterMs: paid === 'no' ? error.options.retryAfterMs : undefined,
    extensions: { executionId: record.id, attempts: billed.length, billed: paid },
  });
}
