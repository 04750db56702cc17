import { AppError } from '../common';
import type { ExecutionRecord } from './ledger/execution-record';

/** What a failure is told with beyond what the ledger keeps of it. */
export interface FailureTelling {
  /** The provider's Retry-After in milliseconds. */
  readonly retryAfterMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is told instead of an answer that is stored but does not open. */
export function contentUnreadable({ id }: ExecutionRecord, telling: FailureTelling = {}): AppError {
  return new AppError('content_unreadable', undefined, {
    ...telling,
    extensions: { executionId: id },
  });
}

/**
 * The problem document of an execution that did not complete: what happened, whether it cost, and where to read it
 * again. Made from the ledger's record only, so that it says the same at every telling.
 */
export function executionFailed(record: ExecutionRecord, telling: FailureTelling = {}): AppError {
  const { error } = record;
  const last = record.attempts.at(-1)?.outcome;
  return new AppError(error?.code ?? 'internal', error?.message, {
    ...telling,
    extensions: {
      executionId: record.id,
      category: error?.category ?? 'internal',
      retryable: error?.retryable ?? false,
      billed: error?.billed ?? 'unknown',
      attempts: record.attempts.length,
      provider: {
        name: record.provider,
        status: last?.upstreamStatus ?? null,
        code: last?.upstreamCode ?? null,
        requestId: last?.providerRequestId ?? null,
      },
    },
  });
}
