import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Secret } from '../secret/secret';
import { scrub } from './scrub';
import { SecretFingerprints } from './secret-fingerprints';

const value = (index: number) => `secret-number-${index}-of-many`;

describe('fingerprints of secrets', () => {
  it('are kept of the first and of the last ones, and are bounded', () => {
    const known = new SecretFingerprints();
    for (let index = 0; index < 5_000; index += 1) known.add(value(index));
    const isKnown = (index: number) => known.find(`(${value(index)})`, false).length === 1;
    expect([0, 63, 64, 3_000, 3_975, 3_976, 4_999].map(isKnown)).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(known.find(Buffer.from(value(64)).toString('base64'), false)).toEqual([]);
  });

  it('are kept longer of those that are seen again', () => {
    const known = new SecretFingerprints();
    for (let index = 0; index < 1_500; index += 1) {
      known.add(value(index));
      known.add(value(100));
    }
    expect(known.find(value(100), false)).toHaveLength(1);
    expect(known.find(value(101), false)).toEqual([]);
  });

  it('do not keep the secret alive', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const reference = new WeakRef(new Secret('sk-0123456789-to-be-collected'));
    // A weak reference holds until the end of the turn in which it was made.
    await setImmediate();
    collectGarbage();
    expect(reference.deref()).toBeUndefined();
    expect(scrub('sk 0123456789 (sk-0123456789-to-be-collected)')).toBe(
      'sk 0123456789 ([scrubbed])',
    );
  });

  it('tell where a form begins and ends', () => {
    const known = new SecretFingerprints();
    known.add('abc-123-def');
    expect(known.find('x abc-123-def abc-123-def', false)).toEqual([
      { from: 2, to: 13 },
      { from: 14, to: 25 },
    ]);
    expect(known.find('abc-123-de', false)).toEqual([]);
  });
});
