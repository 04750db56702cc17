import { setTimeout as delay } from 'node:timers/promises';
import { type Billed, ProviderError, type RetryClass } from '../provider-error';

export type RetriedClass = Exclude<RetryClass, 'never'>;

/** A failed attempt, and whether another follows. */
export interface AttemptFailure {
  /** Counted from 1. */
  readonly attempt: number;
  readonly error: ProviderError;
  /** Milliseconds until the next attempt, as planned now; `null`: there is none. */
  readonly waitMs: number | null;
}

/** When and how long to wait before the next attempt. */
export interface RetryPolicy {
  /** Attempts in all, the first included. Integer ≥ 1, default 3. */
  readonly maxAttempts?: number;
  /** Monotonic milliseconds (the scale of `now`), finite and ≥ 0: no attempt starts and no wait ends after it. */
  readonly deadlineAt: number;
  /** Ends a wait at once. An attempt under way has to listen by itself. */
  readonly signal?: AbortSignal;
  /** Milliseconds ≥ 0. Defaults: transient 500, throttled 1,000, ambiguous 500. */
  readonly baseDelayMs?: Partial<Readonly<Record<RetriedClass, number>>>;
  /** Longest backoff in milliseconds ≥ 0, default 20,000. A Retry-After may be longer. */
  readonly maxDelayMs?: number;
  /** How often a call that may have been billed is repeated. Integer ≥ 0, default 1. */
  readonly ambiguousRetries?: number;
  /**
   * Told after each failed attempt and awaited before the wait. What it throws ends the retries and is
   * thrown on: an attempt whose outcome cannot be recorded is not followed by another.
   */
  onAttemptFailed?(failure: AttemptFailure): Promise<void>;
}

/** Clock, wait and chance, so that a test decides them. */
export interface RetryDependencies {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Rejects, with anything, as soon as the signal aborts. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
}

export const SYSTEM_RETRY_DEPENDENCIES: RetryDependencies = {
  now: () => performance.now(),
  sleep,
  random: () => Math.random(),
};

const DEFAULT_BASE_DELAY_MS: Readonly<Record<RetriedClass, number>> = {
  transient: 500,
  throttled: 1_000,
  ambiguous: 500,
};
const RETRY_AFTER_JITTER = 0.1;
/** Largest delay of a Node timer; above it a timer fires at once, and the wait would be none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Repeats an operation that fails with a retryable {@link ProviderError}: full jitter, the vendor's
 * Retry-After as the least wait, one deadline over everything. A wait that would end after the deadline
 * is not begun: the error is thrown now, with its `retryAfterMs`.
 *
 * @param operation gets the number of the attempt, from 1.
 * @throws {ProviderError} the last failure; `cancelled` when the signal aborted before an attempt or in a
 *   wait; `deadline_exceeded` when there was no time for the first attempt.
 * @throws {RangeError} an option is out of its range; nothing was called.
 * @throws what `operation` or `onAttemptFailed` threw, if that is no `ProviderError`: a bug is not retried.
 */
export async function retryWithBackoff<T>(
  operation: (attempt: number) => Promise<T>,
  policy: RetryPolicy,
  dependencies: RetryDependencies = SYSTEM_RETRY_DEPENDENCIES,
): Promise<T> {
  const plan = new RetryPlan(policy, dependencies);
  let last: ProviderError | null = null;
  for (let attempt = 1; ; attempt += 1) {
    if (policy.signal?.aborted === true) throw cancelled(last?.billed ?? 'no');
    if (dependencies.now() >= policy.deadlineAt) throw last ?? deadlineExceeded();
    try {
      return await operation(attempt);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      last = error;
    }
    const waitMs = plan.waitAfter(attempt, last);
    await policy.onAttemptFailed?.({ attempt, error: last, waitMs });
    if (waitMs === null) throw last;
    await waitUnlessAborted(waitMs, last, policy.signal, dependencies);
  }
}

/**
 * Full jitter: anything from 0 to `base · 2^(attempt − 1)`, at most `cap` (all in milliseconds).
 * @param attempt the attempt that failed, from 1. Any size is safe: the growth ends at `cap`.
 */
export function backoffMs(
  attempt: number,
  base: number,
  cap: number,
  random: () => number = Math.random,
): number {
  const doublings = Math.min(attempt - 1, 52);
  return random() * Math.min(cap, base * 2 ** doublings);
}

/** The decisions of one run: whether to go on after a failure, and when. */
class RetryPlan {
  readonly #maxAttempts: number;
  readonly #maxDelayMs: number;
  readonly #baseDelayMs: Readonly<Record<RetriedClass, number>>;
  #ambiguousLeft: number;

  constructor(
    private readonly policy: RetryPolicy,
    private readonly dependencies: RetryDependencies,
  ) {
    this.#maxAttempts = integer('maxAttempts', policy.maxAttempts ?? 3, 1);
    this.#ambiguousLeft = integer('ambiguousRetries', policy.ambiguousRetries ?? 1, 0);
    this.#maxDelayMs = duration('maxDelayMs', policy.maxDelayMs ?? 20_000);
    const base = { ...DEFAULT_BASE_DELAY_MS, ...policy.baseDelayMs };
    for (const [name, value] of Object.entries(base)) duration(`baseDelayMs.${name}`, value);
    this.#baseDelayMs = base;
    duration('deadlineAt', policy.deadlineAt);
  }

  waitAfter(attempt: number, error: ProviderError): number | null {
    if (error.retry === 'never' || attempt >= this.#maxAttempts) return null;
    if (error.retry === 'ambiguous' && this.#ambiguousLeft-- <= 0) return null;
    const { random, now } = this.dependencies;
    const backoff = backoffMs(attempt, this.#baseDelayMs[error.retry], this.#maxDelayMs, random);
    const wait = Math.max(backoff, leastWait(error.retryAfterMs, random));
    return wait < this.policy.deadlineAt - now() ? wait : null;
  }
}

/** Retry-After, with a jitter on top so that callers told the same time do not come back together. */
function leastWait(retryAfterMs: number | undefined, random: () => number): number {
  if (retryAfterMs === undefined || !(retryAfterMs > 0)) return 0;
  return retryAfterMs * (1 + RETRY_AFTER_JITTER * random());
}

async function waitUnlessAborted(
  waitMs: number,
  last: ProviderError,
  signal: AbortSignal | undefined,
  dependencies: RetryDependencies,
): Promise<void> {
  try {
    await dependencies.sleep(waitMs, signal);
  } catch (error) {
    if (signal?.aborted === true) throw cancelled(last.billed);
    throw error;
  }
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let left = milliseconds;
  while (left > MAX_TIMER_MS) {
    await delay(MAX_TIMER_MS, undefined, { signal });
    left -= MAX_TIMER_MS;
  }
  await delay(left, undefined, { signal });
}

/** `billed` is what the last attempt left open; the cancelling itself costs nothing. */
function cancelled(billed: Billed): ProviderError {
  return new ProviderError({ category: 'cancelled', retry: 'never', billed });
}

function deadlineExceeded(): ProviderError {
  return new ProviderError({ category: 'deadline_exceeded', retry: 'never', billed: 'no' });
}

function integer(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name} must be an integer ≥ ${least}`);
  }
  return value;
}

function duration(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) {
    throw new RangeError(`${name} must be a finite number ≥ 0`);
  }
  return value;
}
