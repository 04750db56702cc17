import { type KeyServiceFault, KeyServiceUnavailable } from './key-service-unavailable';
import { isOutage, OutageGate } from './outage-gate';

let now: number;
let outages: KeyServiceFault[];
let gate: OutageGate;

beforeEach(() => {
  now = 100;
  outages = [];
  gate = new OutageGate(
    () => now,
    (fault) => outages.push(fault),
  );
});

const failing = (fault: KeyServiceFault) =>
  gate
    .pass(() => Promise.reject(new KeyServiceUnavailable(fault)))
    .catch((error: unknown) => error);
const passing = () => gate.pass(() => Promise.resolve('passed')).catch((error: unknown) => error);

describe('OutageGate', () => {
  it.each([
    ['unreachable', true],
    ['timeout', true],
    ['throttled', true],
    ['failed', true],
    ['invalid_answer', true],
    ['denied', false],
    ['key_unusable', false],
  ] as const)('%s is an outage: %p', async (fault, expected) => {
    const error = new KeyServiceUnavailable(fault);
    expect(error.name).toBe('KeyServiceUnavailable');
    expect(isOutage(error)).toBe(expected);
    await failing(fault);
    expect(outages).toEqual(expected ? [fault] : []);
    expect(await passing()).toEqual(
      expected ? expect.objectContaining({ fault, options: { retryAfterMs: 250 } }) : 'passed',
    );
  });

  it('takes no other error for an outage', () => {
    expect(isOutage(new Error('failed'))).toBe(false);
    expect(isOutage({ fault: 'failed' })).toBe(false);
  });

  it('doubles its pauses up to 5 seconds and says how much is left of one', async () => {
    for (const pause of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
      await failing('failed');
      now += pause - 251;
      expect(await passing()).toMatchObject({ options: { retryAfterMs: 251 } });
      now += 250;
      expect(await passing()).toMatchObject({ options: { retryAfterMs: 250 } });
      now += 1;
    }
    expect(outages).toHaveLength(7);
  });

  it('begins anew after a call that passed, and after a refusal, which shows that it is there', async () => {
    for (const end of [passing, () => failing('denied')]) {
      await failing('failed');
      now += 250;
      await failing('failed');
      now += 500;
      await end();
      await failing('failed');
      expect(await passing()).toMatchObject({ options: { retryAfterMs: 250 } });
      now += 250;
      expect(await passing()).toBe('passed');
    }
  });

  it('lets one call try after the pause, and the next one after it when it failed', async () => {
    await failing('timeout');
    now += 250;
    let fail: (error: Error) => void = () => undefined;
    const trying = gate
      .pass(() => new Promise((_resolve, reject) => (fail = reject)))
      .catch((error: unknown) => error);
    expect(await passing()).toMatchObject({ fault: 'timeout', options: { retryAfterMs: 250 } });
    fail(new KeyServiceUnavailable('failed'));
    await trying;
    now += 500;
    expect(await passing()).toBe('passed');
    expect(outages).toEqual(['timeout', 'failed']);
  });

  it('counts calls that were under way when an outage began as one', async () => {
    await Promise.all([failing('failed'), failing('failed'), failing('timeout')]);
    expect(outages).toEqual(['failed']);
    now += 250;
    expect(await passing()).toBe('passed');
  });
});
