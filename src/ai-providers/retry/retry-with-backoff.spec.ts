import * as fc from 'fast-check';
import { ProviderError, type ProviderErrorFields, type RetryClass } from '../provider-error';
import {
  type AttemptFailure,
  backoffMs,
  type RetryDependencies,
  type RetryPolicy,
  retryWithBackoff,
  SYSTEM_RETRY_DEPENDENCIES,
} from './retry-with-backoff';

const CATEGORY = {
  never: 'credential_invalid',
  transient: 'server_error',
  throttled: 'rate_limited',
  ambiguous: 'connection_lost',
} as const;

function failure(retry: RetryClass, fields: Partial<ProviderErrorFields> = {}): ProviderError {
  return new ProviderError({ category: CATEGORY[retry], retry, billed: 'no', ...fields });
}

/** A world in which only waits take time. */
class TestWorld implements RetryDependencies {
  time = 1_000;
  readonly waits: number[] = [];
  readonly failures: AttemptFailure[] = [];
  attempts: number[] = [];

  constructor(readonly random: () => number = () => 0.5) {}

  readonly now = () => this.time;

  readonly sleep = (milliseconds: number) => {
    this.waits.push(milliseconds);
    this.time += milliseconds;
    return Promise.resolve();
  };

  /** Runs an operation that fails with each of `errors` in turn and then returns `'done'`. */
  run(errors: readonly Error[], policy: Partial<RetryPolicy> = {}): Promise<string> {
    return retryWithBackoff(
      (attempt) => {
        this.attempts.push(attempt);
        const error = errors[attempt - 1];
        if (error === undefined) return Promise.resolve('done');
        return Promise.reject(error);
      },
      {
        deadlineAt: this.time + 60_000,
        onAttemptFailed: (failed) => {
          this.failures.push(failed);
          return Promise.resolve();
        },
        ...policy,
      },
      this,
    );
  }
}

describe('retryWithBackoff', () => {
  it('calls once and waits never when the first attempt succeeds', async () => {
    const world = new TestWorld();
    await expect(world.run([])).resolves.toBe('done');
    expect([world.attempts, world.waits, world.failures]).toEqual([[1], [], []]);
  });

  it('numbers the attempts, waits longer each time, and reports each failure before its wait', async () => {
    const world = new TestWorld();
    const errors = [failure('transient'), failure('transient')];
    await expect(world.run(errors)).resolves.toBe('done');
    expect(world.attempts).toEqual([1, 2, 3]);
    expect(world.waits).toEqual([250, 500]);
    expect(world.failures).toEqual([
      { attempt: 1, error: errors[0], waitMs: 250 },
      { attempt: 2, error: errors[1], waitMs: 500 },
    ]);
  });

  it('gives up after three attempts by default, with the last error and no wait after it', async () => {
    const world = new TestWorld();
    const errors = [1, 2, 3, 4].map(() => failure('throttled'));
    await expect(world.run(errors)).rejects.toBe(errors[2]);
    expect(world.waits).toEqual([500, 1_000]);
    expect(world.failures[2]).toEqual({ attempt: 3, error: errors[2], waitMs: null });
  });

  it.each([1, 2, 5])('makes at most %d attempts when told so', async (maxAttempts) => {
    const world = new TestWorld();
    const errors = Array.from({ length: 9 }, () => failure('transient'));
    await expect(world.run(errors, { maxAttempts })).rejects.toThrow(ProviderError);
    expect(world.attempts).toHaveLength(maxAttempts);
  });

  it('never repeats what cannot succeed', async () => {
    const world = new TestWorld();
    const error = failure('never', { retryAfterMs: 1 });
    await expect(world.run([error])).rejects.toBe(error);
    expect(world.failures).toEqual([{ attempt: 1, error, waitMs: null }]);
  });

  it('repeats an ambiguous failure once, whatever lies between', async () => {
    const world = new TestWorld();
    const errors = ['ambiguous', 'transient', 'ambiguous', 'transient'] as const;
    const failures = errors.map((retry) => failure(retry));
    await expect(world.run(failures, { maxAttempts: 9 })).rejects.toBe(failures[2]);
    expect(world.attempts).toEqual([1, 2, 3]);
  });

  it('repeats no ambiguous failure when told so', async () => {
    const world = new TestWorld();
    const error = failure('ambiguous', { billed: 'unknown' });
    await expect(world.run([error], { ambiguousRetries: 0 })).rejects.toBe(error);
    expect(world.attempts).toEqual([1]);
  });

  it.each([new TypeError('a bug'), 'a string', null, undefined])(
    'throws a bug on as it is: %p',
    async (bug) => {
      const world = new TestWorld();
      const operation = jest.fn(() => Promise.reject(bug as Error));
      const policy = { deadlineAt: 61_000, onAttemptFailed: jest.fn() };
      await expect(retryWithBackoff(operation, policy, world)).rejects.toBe(bug);
      expect(operation).toHaveBeenCalledTimes(1);
      expect(policy.onAttemptFailed).not.toHaveBeenCalled();
    },
  );

  it('catches an operation that throws before it returns a promise', async () => {
    const world = new TestWorld();
    const operation = jest.fn<Promise<string>, [number]>(() => {
      throw failure('transient');
    });
    await expect(retryWithBackoff(operation, { deadlineAt: 61_000 }, world)).rejects.toThrow(
      ProviderError,
    );
    expect(operation).toHaveBeenCalledTimes(3);
  });

  it('makes no further attempt when a failure cannot be recorded', async () => {
    const world = new TestWorld();
    const ledger = new Error('ledger down');
    const onAttemptFailed = () => Promise.reject(ledger);
    await expect(world.run([failure('transient')], { onAttemptFailed })).rejects.toBe(ledger);
    expect([world.attempts, world.waits]).toEqual([[1], []]);
  });
});

describe('retryWithBackoff and Retry-After', () => {
  it.each([
    ['is a floor under a short backoff', 5_000, 0, [5_000]],
    ['is spread by up to a tenth', 5_000, 0.5, [5_250]],
    ['does not shorten a longer backoff', 10, 0.5, [500]],
    ['of 0 leaves the backoff', 0, 0.5, [500]],
    ['of a fraction leaves the backoff', 0.5, 0.5, [500]],
    ['that is not a number leaves the backoff', Number.NaN, 0.5, [500]],
    ['that is negative leaves the backoff', -5, 0.5, [500]],
  ])('%s', async (_what, retryAfterMs, chance, waits) => {
    const world = new TestWorld(() => chance);
    await expect(world.run([failure('throttled', { retryAfterMs })])).resolves.toBe('done');
    expect(world.waits).toEqual(waits);
  });

  it.each([60_000, 3_600_000, 1e12, Number.MAX_VALUE, Infinity])(
    'of %d ms against a deadline of 60 s ends at once and keeps the header',
    async (retryAfterMs) => {
      const world = new TestWorld();
      const error = failure('throttled', { retryAfterMs });
      await expect(world.run([error])).rejects.toBe(error);
      expect([world.attempts, world.waits]).toEqual([[1], []]);
      expect(world.failures).toEqual([{ attempt: 1, error, waitMs: null }]);
    },
  );
});

describe('retryWithBackoff and the deadline', () => {
  it('counts the time that attempts take', async () => {
    const world = new TestWorld(() => 0.999);
    const error = failure('transient');
    const slow = () => {
      world.time += 700;
      return Promise.reject(error);
    };
    const deadlineAt = world.time + 1_000;
    await expect(retryWithBackoff(slow, { deadlineAt }, world)).rejects.toBe(error);
    expect(world.waits).toEqual([]);
  });

  it('starts nothing after it', async () => {
    const world = new TestWorld();
    await expect(world.run([], { deadlineAt: world.time })).rejects.toMatchObject({
      category: 'deadline_exceeded',
      billed: 'no',
    });
    expect(world.attempts).toEqual([]);
  });

  it('throws the last error when a wait ends too late', async () => {
    const world = new TestWorld();
    const error = failure('transient');
    const sleep = () => {
      world.time += 1e6;
      return Promise.resolve();
    };
    const policy = { deadlineAt: world.time + 60_000 };
    const operation = jest.fn(() => Promise.reject(error));
    const dependencies = { now: world.now, random: world.random, sleep };
    await expect(retryWithBackoff(operation, policy, dependencies)).rejects.toBe(error);
    expect(operation).toHaveBeenCalledTimes(1);
  });
});

describe('retryWithBackoff and abort', () => {
  const cancelled = (billed: string) => ({ category: 'cancelled', retry: 'never', billed });

  it('calls nothing when aborted before', async () => {
    const world = new TestWorld();
    const run = world.run([], { signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject(cancelled('no'));
    expect(world.attempts).toEqual([]);
  });

  it('ends a real wait within the tick, with what the last attempt left open', async () => {
    const controller = new AbortController();
    const operation = jest.fn(() => Promise.reject(failure('ambiguous', { billed: 'unknown' })));
    let ended = false;
    const run = retryWithBackoff(
      operation,
      {
        deadlineAt: performance.now() + 3_600_000,
        baseDelayMs: { ambiguous: 600_000 },
        maxDelayMs: 600_000,
        signal: controller.signal,
        onAttemptFailed: () => {
          setImmediate(() => {
            controller.abort();
            setImmediate(() => {
              ended = true;
            });
          });
          return Promise.resolve();
        },
      },
      { ...SYSTEM_RETRY_DEPENDENCIES, random: () => 0.9 },
    );
    await expect(run).rejects.toMatchObject(cancelled('unknown'));
    expect(ended).toBe(false);
    expect(operation).toHaveBeenCalledTimes(1);
  });

  it('makes no attempt after a wait that did not notice', async () => {
    const world = new TestWorld();
    const controller = new AbortController();
    const onAttemptFailed = () => {
      controller.abort();
      return Promise.resolve();
    };
    const run = world.run([failure('transient')], { signal: controller.signal, onAttemptFailed });
    await expect(run).rejects.toMatchObject(cancelled('no'));
    expect(world.attempts).toEqual([1]);
  });

  it('does not hide what the wait itself failed with', async () => {
    const broken = new Error('broken clock');
    const dependencies = { ...SYSTEM_RETRY_DEPENDENCIES, sleep: () => Promise.reject(broken) };
    const run = retryWithBackoff(
      () => Promise.reject(failure('transient')),
      { deadlineAt: performance.now() + 60_000 },
      dependencies,
    );
    await expect(run).rejects.toBe(broken);
  });
});

describe('retryWithBackoff refuses a policy with', () => {
  it.each<[string, Partial<RetryPolicy>]>([
    ...[0, -1, 1.5, Number.NaN, Infinity].map((value): [string, object] => [
      `maxAttempts ${value}`,
      { maxAttempts: value },
    ]),
    ...[-1, 0.5, Number.NaN, Infinity].map((value): [string, object] => [
      `ambiguousRetries ${value}`,
      { ambiguousRetries: value },
    ]),
    ...[-1, Number.NaN, Infinity].map((value): [string, object] => [
      `maxDelayMs ${value}`,
      { maxDelayMs: value },
    ]),
    ...[-1, Number.NaN, Infinity].map((value): [string, object] => [
      `deadlineAt ${value}`,
      { deadlineAt: value },
    ]),
    ...[-1, Number.NaN, Infinity].map((value): [string, object] => [
      `baseDelayMs ${value}`,
      { baseDelayMs: { throttled: value } },
    ]),
  ])('%s', async (_what, policy) => {
    const world = new TestWorld();
    await expect(world.run([], policy)).rejects.toThrow(RangeError);
    expect(world.attempts).toEqual([]);
  });
});

describe('retryWithBackoff always', () => {
  const anyError = fc.record({
    retry: fc.constantFrom<RetryClass>('never', 'transient', 'throttled', 'ambiguous'),
    retryAfterMs: fc.option(fc.oneof(fc.double(), fc.integer({ min: 0, max: 100_000 })), {
      nil: undefined,
    }),
  });

  it('waits within [0, deadline], keeps the limits, and ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyError, { maxLength: 12 }),
        fc.record({
          maxAttempts: fc.integer({ min: 1, max: 10 }),
          ambiguousRetries: fc.integer({ min: 0, max: 3 }),
          maxDelayMs: fc.double({ min: 0, max: 1e308, noNaN: true }),
          base: fc.double({ min: 0, max: 1e308, noNaN: true }),
          timeoutMs: fc.double({ min: 1, max: 1e9, noNaN: true }),
        }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (errors, options, chance) => {
          const world = new TestWorld(() => chance);
          const deadlineAt = world.time + options.timeoutMs;
          const baseDelayMs = {
            transient: options.base,
            throttled: options.base,
            ambiguous: options.base,
          };
          const outcome = await world
            .run(
              errors.map(({ retry, retryAfterMs }) => failure(retry, { retryAfterMs })),
              { ...options, baseDelayMs, deadlineAt },
            )
            .catch((error: unknown) => error);
          expect(outcome === 'done' || outcome instanceof ProviderError).toBe(true);
          expect(world.attempts.length).toBeLessThanOrEqual(options.maxAttempts);
          expect(world.time).toBeLessThan(deadlineAt);
          for (const wait of world.waits) expect(wait).toBeGreaterThanOrEqual(0);
          const repeated = world.failures.filter((failed) => failed.waitMs !== null);
          const ambiguous = repeated.filter((failed) => failed.error.retry === 'ambiguous');
          expect(ambiguous.length).toBeLessThanOrEqual(options.ambiguousRetries);
          expect(repeated.every(({ error, waitMs }) => leastWaitHeld(error, waitMs))).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  function leastWaitHeld(error: ProviderError, waitMs: number | null): boolean {
    const { retryAfterMs = 0 } = error;
    return waitMs === null || !(waitMs < retryAfterMs);
  }

  it('backs off within [0, cap]', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.double({ min: 0, max: 1e308, noNaN: true }),
        fc.double({ min: 0, max: 1e308, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, base, cap, chance) => {
          const wait = backoffMs(attempt, base, cap, () => chance);
          expect(wait >= 0 && wait <= cap).toBe(true);
        },
      ),
    );
  });

  it('stays 0 without a base, however many attempts there were', () => {
    expect(backoffMs(5_000, 0, 20_000, () => 1)).toBe(0);
  });

  it.each([
    [1, 500],
    [2, 1_000],
    [3, 2_000],
    [6, 16_000],
    [7, 20_000],
    [5_000, 20_000],
  ])('has after attempt %d a span of %d ms', (attempt, span) => {
    expect(backoffMs(attempt, 500, 20_000, () => 1)).toBe(span);
  });
});
