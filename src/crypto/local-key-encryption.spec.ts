import crypto, { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { seal } from './aes-gcm';
import { encodeAssociatedData } from './associated-data';
import { CryptoRefused } from './crypto.errors';
import { type DataKeyContext, WRAPPED_DATA_KEY_SQL_PATTERN } from './key-encryption.interface';
import { LocalKeyEncryption } from './local-key-encryption';
import { generateRootKey, parseRootKey, type RootKey } from './root-key';

const newRootKey = (): RootKey => parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');

const context: DataKeyContext = {
  workspaceId: '019396a0-0000-7000-8000-000000000001',
  dataKeyId: '019396a0-0000-7000-8000-0000000000d1',
};
const rootKey = newRootKey();
const local = new LocalKeyEncryption(rootKey);
const dataKey = randomBytes(32);

async function outcome(
  wrapped: string,
  inContext: DataKeyContext = context,
  encryption = local,
): Promise<string> {
  try {
    await encryption.unwrap(wrapped, inContext);
    return 'opened';
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

afterEach(() => jest.restoreAllMocks());

describe('LocalKeyEncryption', () => {
  it('unwraps what it wrapped, for a workspace and for the server', async () => {
    for (const workspaceId of [context.workspaceId, null]) {
      const wrapped = await local.wrap(dataKey, { ...context, workspaceId });
      expect(wrapped).toMatch(/^w1:local:[A-Za-z0-9_-]{16}:[A-Za-z0-9_-]{80}$/);
      expect(wrapped).toMatch(new RegExp(WRAPPED_DATA_KEY_SQL_PATTERN));
      expect(wrapped.split(':')[2]).toBe(rootKey.id);
      const unwrapped = await local.unwrap(wrapped, { ...context, workspaceId });
      expect(unwrapped.equals(dataKey)).toBe(true);
    }
  });

  it('reads nothing with anything in front of it, and neither does the table', async () => {
    const wrapped = await local.wrap(dataKey, context);
    const pattern = new RegExp(WRAPPED_DATA_KEY_SQL_PATTERN);
    for (const front of [' ', 'x', '\n', 'w1:', wrapped]) {
      expect(await outcome(`${front}${wrapped}`)).toBe('malformed');
      if (front !== wrapped) expect(`${front}${wrapped}`).not.toMatch(pattern);
    }
    expect(dataKey.toString('base64')).not.toMatch(pattern);
  });

  it('wraps under a fresh IV each time and leaves the data key as it is', async () => {
    const before = Buffer.from(dataKey);
    const texts = await Promise.all(
      Array.from({ length: 100 }, () => local.wrap(dataKey, context)),
    );
    expect(new Set(texts).size).toBe(100);
    expect(dataKey.equals(before)).toBe(true);
  });

  it.each([0, 16, 31, 33, 64])('wraps no data key of %i bytes', async (size) => {
    const refused = new RangeError('A data key has 32 bytes.');
    await expect(local.wrap(randomBytes(size), context)).rejects.toThrow(refused);
  });

  it('is bound to the workspace', async () => {
    const wrapped = await local.wrap(dataKey, context);
    const other = '019396a0-0000-7000-8000-000000000002';
    expect(await outcome(wrapped, { ...context, workspaceId: other })).toBe('auth_failed');
    expect(await outcome(wrapped, { ...context, workspaceId: null })).toBe('auth_failed');
    expect(await outcome(wrapped, { ...context, workspaceId: '' })).toBe('auth_failed');
    const ofServer = await local.wrap(dataKey, { ...context, workspaceId: null });
    expect(await outcome(ofServer)).toBe('auth_failed');
  });

  it('is bound to the data key id', async () => {
    const wrapped = await local.wrap(dataKey, context);
    const dataKeyId = '019396a0-0000-7000-8000-0000000000d2';
    expect(await outcome(wrapped, { ...context, dataKeyId })).toBe('auth_failed');
  });

  it('is bound to the root key id, even if two ids name the same key', async () => {
    const alias = { id: 'A'.repeat(16), key: rootKey.key };
    const both = new LocalKeyEncryption(rootKey, [alias]);
    const wrapped = await both.wrap(dataKey, context);
    expect(await outcome(wrapped, context, both)).toBe('opened');
    expect(await outcome(wrapped.replace(rootKey.id, alias.id), context, both)).toBe('auth_failed');
  });

  it('is bound to its purpose: no secret opens as a data key', async () => {
    const fields = [rootKey.id, String(context.workspaceId), context.dataKeyId];
    const wrap = (domain: string): string =>
      `w1:local:${rootKey.id}:${seal(rootKey.key, dataKey, encodeAssociatedData([domain, ...fields])).toString('base64url')}`;
    expect(await outcome(wrap('keyrun/data-key/v1'))).toBe('opened');
    expect(await outcome(wrap('keyrun/secret/v1'))).toBe('auth_failed');
  });

  it('unwraps with previous root keys and wraps with the active one only', async () => {
    const older = newRootKey();
    const oldest = newRootKey();
    const wrappedByOldest = await new LocalKeyEncryption(oldest).wrap(dataKey, context);
    const rotated = new LocalKeyEncryption(rootKey, [older, oldest]);
    expect(rotated.activeKeyId).toBe(rootKey.id);
    expect(rotated.keyIds).toEqual([rootKey.id, older.id, oldest.id]);
    expect((await rotated.unwrap(wrappedByOldest, context)).equals(dataKey)).toBe(true);
    expect((await rotated.wrap(dataKey, context)).split(':')[2]).toBe(rootKey.id);
  });

  it('names a root key once that is active and previous', () => {
    expect(new LocalKeyEncryption(rootKey, [rootKey]).keyIds).toEqual([rootKey.id]);
  });

  it('refuses an unknown root key without trying any', async () => {
    const stranger = new LocalKeyEncryption(newRootKey(), [newRootKey()]);
    const wrapped = await local.wrap(dataKey, context);
    const decipher = jest.spyOn(crypto, 'createDecipheriv');
    expect(await outcome(wrapped, context, stranger)).toBe('root_key_unknown');
    expect(await outcome(`w1:local:__proto__AAAAAAA:${'A'.repeat(80)}`)).toBe('root_key_unknown');
    expect(decipher).not.toHaveBeenCalled();
  });

  it('tries exactly one key, also when it fails', async () => {
    const wrapped = await local.wrap(dataKey, context);
    const rotated = new LocalKeyEncryption(newRootKey(), [newRootKey(), rootKey, newRootKey()]);
    const decipher = jest.spyOn(crypto, 'createDecipheriv');
    expect(await outcome(wrapped, context, rotated)).toBe('opened');
    expect(decipher).toHaveBeenCalledTimes(1);
    expect(await outcome(wrapped, { ...context, workspaceId: null }, rotated)).toBe('auth_failed');
    expect(decipher).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['nothing', ''],
    ['another scheme', `w1:awskms:${rootKey.id}:${'A'.repeat(80)}`],
    ['another version', `w2:local:${rootKey.id}:${'A'.repeat(80)}`],
    ['a shorter payload', `w1:local:${rootKey.id}:${'A'.repeat(79)}`],
    ['a longer payload', `w1:local:${rootKey.id}:${'A'.repeat(81)}`],
    ['a shorter id', `w1:local:${rootKey.id.slice(1)}:${'A'.repeat(80)}`],
    ['padding', `w1:local:${rootKey.id}:${'A'.repeat(79)}=`],
    ['the other alphabet', `w1:local:${rootKey.id}:${'A'.repeat(79)}+`],
    ['a trailing newline', `w1:local:${rootKey.id}:${'A'.repeat(80)}\n`],
    ['1 MB', `w1:local:${rootKey.id}:${'A'.repeat(1_000_000)}`],
    ['an unwrapped key', dataKey.toString('hex')],
  ])('refuses %s as malformed', async (_name, text) => {
    expect(await outcome(text)).toBe('malformed');
  });

  it('refuses every change of one character and every truncation', async () => {
    const wrapped = await local.wrap(dataKey, context);
    const opened: string[] = [];
    for (let position = 0; position < wrapped.length; position += 1) {
      for (const character of ['A', 'B', '-', '_', '9', ':', '=', '\n']) {
        if (wrapped[position] === character) continue;
        const changed = wrapped.slice(0, position) + character + wrapped.slice(position + 1);
        if ((await outcome(changed)) === 'opened') opened.push(changed);
      }
      if ((await outcome(wrapped.slice(0, position))) !== 'malformed')
        opened.push(String(position));
    }
    expect(opened).toEqual([]);
  });

  it('prints no key byte', () => {
    const key = createSecretKey(randomBytes(32));
    const text = inspect(new LocalKeyEncryption({ id: 'A'.repeat(16), key }), {
      depth: null,
      showHidden: true,
    });
    expect(text).not.toContain(key.export().toString('hex').slice(0, 12));
    expect(text).not.toContain(key.export().toString('base64').slice(0, 12));
  });
});
