import { nextWaitMs, RETRY_WAITS_MS } from './retry-schedule';

const HOUR = 3_600_000;

describe('the schedule of retries', () => {
  it('makes ten attempts in a little more than three days', () => {
    const sum = RETRY_WAITS_MS.reduce((total, wait) => total + wait, 0);
    expect(RETRY_WAITS_MS).toHaveLength(9);
    expect(sum / HOUR).toBeCloseTo(75.58, 1);
    expect(nextWaitMs(9, undefined, 0.5)).toBe(24 * HOUR);
    expect(nextWaitMs(10, undefined, 0.5)).toBeNull();
  });

  it('only grows', () => {
    for (let failures = 1; failures < 9; failures += 1) {
      const [wait, next] = [failures, failures + 1].map((count) => nextWaitMs(count, undefined, 0));
      expect(wait).toBeLessThan(next!);
    }
  });

  it('spreads a wait by a tenth either way', () => {
    expect([0, 0.5, 1].map((random) => nextWaitMs(1, undefined, random))).toEqual([
      4_500, 5_000, 5_500,
    ]);
  });

  it('never comes before the receiver wants it, and not later because it wants it sooner', () => {
    expect(nextWaitMs(1, 90_000, 0.5)).toBe(90_000);
    expect(nextWaitMs(2, 1_000, 0.5)).toBe(300_000);
    expect(nextWaitMs(10, 1_000, 0.5)).toBeNull();
  });
});
