import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import {
  type AIProvider,
  type ExecuteParams,
  type ExecuteResult,
  ProviderCalls,
  ProviderError,
} from '../ai-providers';
import { ApiKeyCredentials, type ResolvedCredential } from '../api-keys';
import { AppError } from '../common';
import type { ExecutionRecord } from './execution-record';
import { ExecutionTracker, type RunningExecution } from './execution-tracker';

/** One execution to run: what, by whom, and the provider that the controller made with the resolved key. */
export interface RunExecution {
  /** Made before the key was opened, which is recorded with it. */
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly params: ExecuteParams;
  readonly provider: AIProvider;
  readonly credential: ResolvedCredential;
  /** Total deadline in milliseconds. */
  readonly timeoutMs: number;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** The life of an execution, in order: open the record, call with retries, close the record. */
@Injectable()
export class ExecutionsService implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ExecutionsService.name);
  /** Those under way, whether or not a client still waits for them. */
  private readonly running = new Set<Promise<unknown>>();

  constructor(
    private readonly tracker: ExecutionTracker,
    private readonly providerCalls: ProviderCalls,
    private readonly credentials: ApiKeyCredentials,
  ) {}

  /**
   * Runs to the end. Does not depend on the client: the call goes on when it hangs up.
   * @throws {AppError} with the code of the provider failure and the id of the recorded execution;
   * `ledger_unavailable` when nothing could be recorded and nothing was sent.
   */
  async run(input: RunExecution): Promise<ExecutionRecord> {
    const running = this.runToTheEnd(input);
    this.running.add(running);
    try {
      return await running;
    } finally {
      this.running.delete(running);
    }
  }

  /** Before connections and database are closed: what is paid for is recorded first. */
  async beforeApplicationShutdown(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled(this.running);
  }

  private async runToTheEnd(input: RunExecution): Promise<ExecutionRecord> {
    const deadlineAt = performance.now() + input.timeoutMs;
    let execution = await this.tracker.startExecution({
      id: input.id,
      workspaceId: input.workspaceId,
      agentId: input.agentId,
      provider: input.provider.type,
      model: input.params.model,
      apiKeyId: input.credential.keyId,
      metadata: input.metadata,
      timeoutMs: input.timeoutMs,
    });
    let result: ExecuteResult;
    try {
      result = await this.providerCalls.run({
        provider: input.provider,
        params: input.params,
        beforeAttempt: async (attempt) => {
          if (attempt > 1) execution = await this.tracker.startAttempt(execution);
        },
        retry: {
          deadlineAt,
          onAttemptFailed: async ({ error, waitMs }) => {
            if (waitMs !== null)
              execution = await this.tracker.failAttempt(execution, error, waitMs);
          },
        },
      });
    } catch (error) {
      throw await this.fail(execution, input.credential, error);
    }
    void this.credentials.noteUse(input.credential, 'ok');
    return this.tracker.completeExecution(execution, result);
  }

  private async fail(
    execution: RunningExecution,
    credential: ResolvedCredential,
    error: unknown,
  ): Promise<AppError> {
    const failure = toProviderError(error);
    if (failure.category === 'internal') {
      const name = error instanceof Error ? error.name : typeof error;
      this.logger.error({
        message: 'a provider call broke',
        name,
        executionId: execution.record.id,
      });
    }
    void this.credentials.noteUse(credential, failure.category);
    const record = await this.tracker.failExecution(execution, failure);
    return error instanceof AppError
      ? attemptNotRecorded(record, error)
      : executionFailed(record, failure);
  }
}

/** What is no ProviderError is a bug of ours or of a provider module, or a write-ahead that failed. */
function toProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const billed = error instanceof AppError ? 'no' : 'unknown';
  return new ProviderError({ category: 'internal', retry: 'never', billed });
}

/** A further attempt could not be written ahead, so it was not made. */
function attemptNotRecorded(record: ExecutionRecord, error: AppError): AppError {
  const detail = 'A further attempt could not be recorded, so it was not made.';
  return new AppError(error.code, detail, {
    ...error.options,
    extensions: { executionId: record.id, attempts: record.attempts.length },
  });
}

/** The problem document of a failed execution: what happened, whether it cost, and where to read it again. */
function executionFailed(record: ExecutionRecord, failure: ProviderError): AppError {
  return new AppError(failure.category, record.error?.message, {
    retryAfterMs: failure.retryAfterMs,
    extensions: {
      executionId: record.id,
      category: failure.category,
      retryable: record.error?.retryable ?? false,
      billed: failure.billed,
      attempts: record.attempts.length,
      provider: {
        name: record.provider,
        status: failure.upstreamStatus ?? null,
        code: failure.upstreamCode ?? null,
        requestId: failure.providerRequestId ?? null,
      },
    },
  });
}
