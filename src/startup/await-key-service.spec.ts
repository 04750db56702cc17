import { KeyServiceUnavailable } from '../crypto';
import { awaitKeyService } from './await-key-service';

const SHORT = { patienceMs: 30, pauseMs: 10 };

describe('awaitKeyService', () => {
  it('repeats until the key service answers', async () => {
    let calls = 0;
    const work = () => {
      calls += 1;
      return calls < 3 ? Promise.reject(new KeyServiceUnavailable('timeout')) : Promise.resolve(7);
    };
    expect(await awaitKeyService(work, { patienceMs: 5_000, pauseMs: 1 })).toBe(7);
    expect(calls).toBe(3);
  });

  it.each([
    ['denied', 'denies'],
    ['unreachable', 'cannot be reached'],
    ['key_unusable', 'enabled'],
  ] as const)('gives up on %s with exit code 69', async (fault, named) => {
    const work = () => Promise.reject(new KeyServiceUnavailable(fault));
    await expect(awaitKeyService(work, SHORT)).rejects.toMatchObject({
      exitCode: 69,
      message: expect.stringContaining(named) as string,
    });
  });

  it('does not repeat after any other error', async () => {
    let calls = 0;
    const work = () => {
      calls += 1;
      return Promise.reject(new RangeError('other'));
    };
    await expect(awaitKeyService(work, SHORT)).rejects.toBeInstanceOf(RangeError);
    expect(calls).toBe(1);
  });
});
