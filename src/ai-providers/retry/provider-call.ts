import type { AIProvider, ExecuteParams, ExecutionDelta } from '../ai-provider.interface';
import type { RetryDependencies, RetryPolicy } from './retry-with-backoff';

/** One execution's call of a provider, retries included. */
export interface ProviderCall {
  readonly provider: AIProvider;
  readonly params: ExecuteParams;
  readonly retry: RetryPolicy;
  /** Most milliseconds of one attempt, ≥ 1. Default: all that is left until the deadline. */
  readonly attemptTimeoutMs?: number;
  /** Aborts the attempt under way and every wait. Replaces `retry.signal`. */
  readonly signal?: AbortSignal;
  /**
   * Asks for the answer piece by piece. All pieces are of one attempt, because none is repeated after its
   * first one was handed on. A provider that cannot stream has its answer handed on whole. What it throws
   * is logged and dropped, and no further piece is handed on; the call goes on to its end.
   */
  onDelta?(delta: ExecutionDelta): void;
  /**
   * The write-ahead, for every attempt, from number 1: the provider prepares its request meanwhile, and sends it after
   * this resolved. If it rejects nothing is sent, nothing is retried, and `run` rejects with its error.
   */
  beforeAttempt?(attempt: number): Promise<void>;
}

/** The type of the execution context in which the handler of provider calls runs. */
export const PROVIDER_CALL_CONTEXT = 'provider-call';

/** Injection token of {@link RetryDependencies}; optional, the system's by default. */
export const RETRY_DEPENDENCIES = Symbol('RETRY_DEPENDENCIES');

export type { RetryDependencies };
