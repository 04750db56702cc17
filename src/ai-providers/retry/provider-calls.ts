import { promisify } from 'node:util';
import { Inject, Injectable, Optional, UseInterceptors } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import type { ExecuteResult } from '../ai-provider.interface';
import { ProviderError } from '../provider-error';
import { AttemptDeltas } from './attempt-deltas';
import {
  PROVIDER_CALL_CONTEXT,
  type ProviderCall,
  RETRY_DEPENDENCIES,
  type RetryDependencies,
} from './provider-call';
import { RetryInterceptor } from './retry.interceptor';
import { SYSTEM_RETRY_DEPENDENCIES } from './retry-with-backoff';

/** A provider that keeps its limit is never cut by ours, which is there for one that does not. */
const GRACE_MS = 1_000;

interface Progress {
  attempts: number;
}

type AttemptHandler = (call: ProviderCall, progress: Progress) => Promise<ExecuteResult>;

/**
 * The one door through which every provider call passes: numbers the attempts, writes ahead, limits each
 * attempt to what is left of the deadline, and retries through {@link RetryInterceptor}, but never after a
 * piece of the answer was handed on.
 */
@Injectable()
export class ProviderCalls {
  readonly #now: () => number;
  #attempt: AttemptHandler | null = null;

  constructor(
    private readonly contexts: ExternalContextCreator,
    @Optional() @Inject(RETRY_DEPENDENCIES) dependencies?: RetryDependencies,
  ) {
    this.#now = (dependencies ?? SYSTEM_RETRY_DEPENDENCIES).now;
  }

  /**
   * @throws {ProviderError} the last failure, `cancelled` or `deadline_exceeded`.
   * @throws {RangeError} an option is out of its range; nothing was called.
   * @throws what `beforeAttempt` or `retry.onAttemptFailed` threw.
   */
  async run(call: ProviderCall): Promise<ExecuteResult> {
    const limit = call.attemptTimeoutMs;
    if (limit !== undefined && !(limit >= 1)) {
      throw new RangeError('attemptTimeoutMs must be a number of milliseconds ≥ 1');
    }
    const signal = call.signal ?? call.retry.signal;
    this.#attempt ??= this.#throughInterceptor();
    try {
      return await this.#attempt(
        { ...call, signal, retry: { ...call.retry, signal } },
        { attempts: 0 },
      );
    } catch (error) {
      throw error instanceof WriteAheadFailure ? error.reason : error;
    }
  }

  /** Called by Nest, once per attempt. Public for the decorator only; use {@link run}. */
  @UseInterceptors(RetryInterceptor)
  async attempt(call: ProviderCall, progress: Progress): Promise<ExecuteResult> {
    progress.attempts += 1;
    const writeAhead = this.#writeAhead(call, progress.attempts);
    // It is awaited below, however the call ends; until then nobody looks.
    writeAhead.catch(() => undefined);
    try {
      if (call.beforeAttempt !== undefined) await turnOfTheLoop();
      const result = await this.#execute(call, writeAhead);
      await writeAhead;
      return result;
    } catch (error) {
      await writeAhead;
      throw error;
    }
  }

  async #writeAhead(call: ProviderCall, attempt: number): Promise<void> {
    try {
      await call.beforeAttempt?.(attempt);
    } catch (error) {
      throw new WriteAheadFailure(error);
    }
  }

  async #execute(call: ProviderCall, sendAfter: Promise<void>): Promise<ExecuteResult> {
    const leftMs = call.retry.deadlineAt - this.#now();
    if (leftMs < 1) {
      throw new ProviderError({ category: 'deadline_exceeded', retry: 'never', billed: 'no' });
    }
    const timeoutMs = Math.min(leftMs, call.attemptTimeoutMs ?? leftMs);
    const { provider, params, signal } = call;
    const deltas = call.onDelta === undefined ? null : new AttemptDeltas(call);
    const onDelta = deltas === null ? {} : { onDelta: deltas.handOn };
    const options = { timeoutMs, signal, sendAfter, ...onDelta };
    try {
      const result = await withinLimit(provider.execute(params, options), timeoutMs + GRACE_MS);
      deltas?.handOnWhole(result.output);
      return result;
    } catch (error) {
      // Whoever heard the beginning of an answer must not hear the beginning of another.
      const isFinal = deltas?.hasHandedOn === true && error instanceof ProviderError;
      throw isFinal ? error.with({ retry: 'never' }) : error;
    } finally {
      deltas?.close();
    }
  }

  /**
   * Not in the constructor: Nest has made the interceptor only when the module is complete. It gets the very
   * method, because the interceptor is found by its metadata.
   */
  #throughInterceptor(): AttemptHandler {
    return this.contexts.create(
      this,
      Reflect.get(this, 'attempt') as (...parameters: unknown[]) => unknown,
      'attempt',
      undefined,
      undefined,
      undefined,
      undefined,
      { interceptors: true, guards: false, filters: false },
      PROVIDER_CALL_CONTEXT,
    );
  }
}

/** What was written to sockets in this turn is on its way then: work that follows at once would hold it up. */
const turnOfTheLoop = promisify(setImmediate);

/** Hides the error of a write-ahead from the retries, whatever its class. */
class WriteAheadFailure extends Error {
  constructor(readonly reason: unknown) {
    super('the write-ahead of an attempt failed');
  }
}

/** Ends the wait for a provider (of a plug-in) that ignores its limit. */
async function withinLimit<T>(result: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        reject(
          new ProviderError({
            category: 'timeout_no_response',
            retry: 'ambiguous',
            billed: 'unknown',
          }),
        );
      },
      Math.min(milliseconds, 2 ** 31 - 1),
    );
  });
  try {
    return await Promise.race([result, limit]);
  } finally {
    clearTimeout(timer);
  }
}
