import { randomBytes } from 'node:crypto';

import { v7 } from 'uuid';

import { LocalKeyEncryption } from '../local-key-encryption';
import { generateRootKey, parseRootKey } from '../root-key';
import {
  describeKeyEncryption,
  outcomeOf,
} from '../../../test/support/key-services/describe-key-encryption';
import { CompositeKeyEncryption } from './composite-key-encryption';

const local = () => new LocalKeyEncryption(parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY'));

describeKeyEncryption('CompositeKeyEncryption', () => ({
  keyEncryption: new CompositeKeyEncryption(local(), [local()]),
  stranger: local(),
  scheme: 'local',
  encoding: 'base64url',
  calls: () => null,
}));

describe('CompositeKeyEncryption', () => {
  const context = { workspaceId: v7(), dataKeyId: v7() };
  const dataKey = randomBytes(32);

  it('wraps with the active member and unwraps what any member wrapped', async () => {
    const [active, former, oldest] = [local(), local(), local()];
    const composite = new CompositeKeyEncryption(active, [former, oldest, active]);
    expect(composite.activeKeyId).toBe(active.activeKeyId);
    expect(composite.keyIds).toEqual([active.activeKeyId, former.activeKeyId, oldest.activeKeyId]);
    expect(await composite.wrap(dataKey, context)).toContain(`:${active.activeKeyId}:`);
    for (const member of [active, former, oldest]) {
      const wrapped = await member.wrap(dataKey, context);
      expect(await outcomeOf(composite.unwrap(wrapped, context))).toBe(dataKey.toString('hex'));
    }
  });

  it('gives a member only the text of its own scheme', async () => {
    const active = local();
    const wrapped = await active.wrap(dataKey, context);
    const composite = new CompositeKeyEncryption(active, []);
    const renamed = wrapped.replace(':local:', ':vault:');
    expect(await outcomeOf(composite.unwrap(renamed, context))).toBe('malformed');
  });
});
