import { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { parse, v7 } from 'uuid';

import { ContentKey, type ContentPlace } from './content-key';
import { CryptoRefused } from './crypto.errors';

const bytes = Buffer.from('{"messages":[{"role":"user","content":"Hello"}]}');
const secret = createSecretKey(randomBytes(32));
const [keyId, workspaceId] = [v7(), v7()];
const key = new ContentKey(keyId, workspaceId, secret);
const place: ContentPlace = { executionId: v7(), field: 'output' };
const sealed = key.seal({ bytes, form: 3 }, place);

function outcome(text: Buffer, opener = key, from = place): string {
  try {
    opener.open(text, from);
    return 'opened';
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

describe('ContentKey', () => {
  it('gives back the bytes and their form', () => {
    expect(key.open(sealed, place)).toEqual({ bytes, form: 3 });
    const empty = { bytes: Buffer.alloc(0), form: 0 };
    expect(key.open(key.seal(empty, place), place)).toEqual(empty);
  });

  it('says version, form and key, and nothing of the content', () => {
    expect(sealed.subarray(0, 18)).toEqual(Buffer.from([1, 3, ...parse(keyId)]));
    expect(sealed).toHaveLength(18 + 28 + bytes.length);
    expect(sealed.includes('Hello')).toBe(false);
    expect(key.seal({ bytes, form: 3 }, place)).not.toEqual(sealed);
    expect(inspect(key, { depth: 9, showHidden: true })).not.toContain(
      secret.export().toString('hex').slice(0, 8),
    );
  });

  it.each([
    ['execution', { ...place, executionId: v7() }],
    ['field', { ...place, field: 'request' }],
    ['shifted border of the two', { executionId: `${place.executionId}o`, field: 'utput' }],
  ])('refuses it at another %s', (_, other) => {
    expect(outcome(sealed, key, other)).toBe('auth_failed');
  });

  it('refuses it in another workspace, even by the same key', () => {
    expect(outcome(sealed, new ContentKey(keyId, v7(), secret))).toBe('auth_failed');
  });

  it('refuses what another content key sealed', () => {
    const other = new ContentKey(v7(), workspaceId, createSecretKey(randomBytes(32)));
    expect(outcome(sealed, other)).toBe('data_key_missing');
    const renamed = Buffer.from(sealed);
    renamed.set(parse(other.id), 2);
    expect(outcome(renamed, other)).toBe('auth_failed');
    expect(outcome(renamed, new ContentKey(other.id, workspaceId, secret))).toBe('auth_failed');
  });

  it('refuses every flipped bit', () => {
    const opened = [];
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const edited = Buffer.from(sealed);
      edited[bit >> 3]! ^= 1 << (bit & 7);
      if (outcome(edited) === 'opened') opened.push(bit);
    }
    expect(opened).toEqual([]);
  });

  it('refuses every other length', () => {
    for (let length = 0; length < sealed.length; length += 1) {
      const code = outcome(sealed.subarray(0, length));
      expect(code).toBe(length < 18 + 28 ? 'malformed' : 'auth_failed');
    }
    expect(outcome(Buffer.concat([sealed, Buffer.from([0])]))).toBe('auth_failed');
    expect(outcome(Buffer.alloc(200))).toBe('malformed');
    expect(outcome(Buffer.alloc(200, 1))).toBe('malformed');
  });
});
