import crypto, { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { open, seal, SEAL_OVERHEAD_BYTES, sealInPieces } from './aes-gcm';
import { CryptoRefused } from './crypto.errors';

const key: KeyObject = createSecretKey(randomBytes(32));
const associatedData: Buffer = Buffer.from('associated data');
const plaintext = Buffer.from('sk-proj-0123456789abcdefghijklmnopqrstuvwxyz');

/** What opening ends in: a refusal's code, or "opened". Another error fails the test. */
function outcome(sealed: Buffer, withKey = key, withData = associatedData): string {
  try {
    open(withKey, sealed, withData);
    return 'opened';
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

function flip(buffer: Buffer, bit: number): Buffer {
  const changed = Buffer.from(buffer);
  changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return changed;
}

afterEach(() => jest.restoreAllMocks());

describe('seal and open', () => {
  it.each([0, 1, 15, 16, 17, 32, 4096])('returns %i bytes unchanged', (size) => {
    const bytes = randomBytes(size);
    const sealed = seal(key, bytes, associatedData);
    expect(sealed).toHaveLength(size + SEAL_OVERHEAD_BYTES);
    expect(open(key, sealed, associatedData).equals(bytes)).toBe(true);
  });

  it('seals several long texts as if they were one', () => {
    const long = randomBytes(2_500_001);
    const pieces = sealInPieces(key, [long.subarray(0, 7), long.subarray(7)], associatedData);
    const sealed = Buffer.concat(pieces);
    expect(sealed).toHaveLength(long.length + SEAL_OVERHEAD_BYTES);
    expect(open(key, sealed, associatedData).equals(long)).toBe(true);
  });

  it('refuses every truncation, at either end', () => {
    const sealed = seal(key, plaintext, associatedData);
    const opened: number[] = [];
    for (let length = 0; length < sealed.length; length += 1) {
      const expected = length < SEAL_OVERHEAD_BYTES ? 'malformed' : 'auth_failed';
      if (outcome(sealed.subarray(0, length)) !== expected) opened.push(length);
      if (outcome(sealed.subarray(sealed.length - length)) !== expected) opened.push(-length);
    }
    expect(opened).toEqual([]);
  });

  it('refuses every extension by one byte, at either end', () => {
    const sealed = seal(key, plaintext, associatedData);
    for (const byte of [0, 0x80, 0xff]) {
      expect(outcome(Buffer.concat([sealed, Buffer.of(byte)]))).toBe('auth_failed');
      expect(outcome(Buffer.concat([Buffer.of(byte), sealed]))).toBe('auth_failed');
    }
  });

  it('refuses every flipped bit of IV, ciphertext, tag and associated data', () => {
    const sealed = seal(key, plaintext, associatedData);
    const opened: number[] = [];
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      if (outcome(flip(sealed, bit)) !== 'auth_failed') opened.push(bit);
    }
    for (let bit = 0; bit < associatedData.length * 8; bit += 1) {
      if (outcome(sealed, key, flip(associatedData, bit)) !== 'auth_failed') opened.push(bit);
    }
    expect(opened).toEqual([]);
  });

  it('refuses another key and absent associated data', () => {
    const sealed = seal(key, plaintext, associatedData);
    expect(outcome(sealed, createSecretKey(randomBytes(32)))).toBe('auth_failed');
    expect(outcome(sealed, key, Buffer.alloc(0))).toBe('auth_failed');
  });

  it('never repeats an IV and takes none from the caller', () => {
    const ivs = new Set<string>();
    for (let count = 0; count < 50_000; count += 1) {
      ivs.add(seal(key, Buffer.alloc(0), associatedData).toString('latin1', 0, 12));
    }
    expect(ivs.size).toBe(50_000);
    expect(seal).toHaveLength(3);
  });

  it('always states a tag of 16 bytes and the algorithm AES-256-GCM', () => {
    const ciphers = jest.spyOn(crypto, 'createCipheriv');
    const deciphers = jest.spyOn(crypto, 'createDecipheriv');
    open(key, seal(key, plaintext, associatedData), associatedData);
    for (const spy of [ciphers, deciphers]) {
      expect(spy).toHaveBeenCalledTimes(1);
      const [algorithm, , iv, options] = spy.mock.calls[0]!;
      expect(algorithm).toBe('aes-256-gcm');
      expect(iv).toHaveLength(12);
      expect(options).toEqual({ authTagLength: 16 });
    }
  });

  it('zeroes the unverified plaintext of a refused text', () => {
    const sealed = seal(key, plaintext, associatedData);
    const released: Buffer[] = [];
    const original = crypto.createDecipheriv;
    jest
      .spyOn(crypto, 'createDecipheriv')
      .mockImplementation((...parameters: Parameters<typeof original>) => {
        const decipher = original(...parameters);
        const update = decipher.update.bind(decipher) as (data: Buffer) => Buffer;
        decipher.update = ((data: Buffer) => {
          const bytes = update(data);
          expect(bytes.equals(plaintext)).toBe(true);
          released.push(bytes);
          return bytes;
        }) as typeof decipher.update;
        return decipher;
      });
    expect(outcome(flip(sealed, sealed.length * 8 - 1))).toBe('auth_failed');
    expect(released).toHaveLength(1);
    expect(released[0]!.equals(Buffer.alloc(plaintext.length))).toBe(true);
  });

  it.each([16, 24, 31, 33])('cannot be used with a key of %i bytes', (size) => {
    const other = createSecretKey(randomBytes(size));
    const invalid = expect.objectContaining({ code: 'ERR_CRYPTO_INVALID_KEYLEN' });
    expect(() => seal(other, plaintext, associatedData)).toThrow(invalid);
    const sealed = seal(key, plaintext, associatedData);
    expect(() => open(other, sealed, associatedData)).toThrow(invalid);
  });

  it('says nothing of the input in its refusals', () => {
    for (const code of [
      'malformed',
      'auth_failed',
      'data_key_missing',
      'root_key_unknown',
    ] as const) {
      const refusal = new CryptoRefused(code);
      expect(refusal).toMatchObject({ name: 'CryptoRefused', code, message: expect.any(String) });
      expect(refusal.message).toMatch(/^The [a-z ,]+\.$/);
      expect(refusal.cause).toBeUndefined();
    }
  });
});

interface Vector {
  tcId: number;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: 'valid' | 'invalid' | 'acceptable';
}

const { vectors } = JSON.parse(
  readFileSync(join(__dirname, '__fixtures__', 'wycheproof-aes-256-gcm.json'), 'utf8'),
) as { vectors: Vector[] };

describe('Wycheproof AES-GCM', () => {
  const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
  const parts = (vector: Vector) => ({
    vectorKey: createSecretKey(bytes(vector.key)),
    sealed: Buffer.concat([bytes(vector.iv), bytes(vector.ct), bytes(vector.tag)]),
    data: bytes(vector.aad),
  });

  it('opens the 39 valid vectors of our profile', () => {
    const valid = vectors.filter((vector) => vector.result === 'valid');
    expect(valid).toHaveLength(39);
    for (const vector of valid) {
      const { vectorKey, sealed, data } = parts(vector);
      expect(open(vectorKey, sealed, data).toString('hex')).toBe(vector.msg);
    }
  });

  it('refuses the 27 invalid vectors of our profile', () => {
    const invalid = vectors.filter((vector) => vector.result === 'invalid');
    expect(invalid).toHaveLength(27);
    for (const vector of invalid) {
      const { vectorKey, sealed, data } = parts(vector);
      expect(outcome(sealed, vectorKey, data)).toBe('auth_failed');
    }
  });

  it('refuses every truncated tag and every flipped bit of the valid vectors', () => {
    const opened: string[] = [];
    for (const vector of vectors.filter(({ result }) => result === 'valid')) {
      const { vectorKey, sealed, data } = parts(vector);
      for (let cut = 1; cut <= 16; cut += 1) {
        if (outcome(sealed.subarray(0, -cut), vectorKey, data) === 'opened') opened.push(`-${cut}`);
      }
      for (let bit = 0; bit < sealed.length * 8; bit += 1) {
        if (outcome(flip(sealed, bit), vectorKey, data) === 'opened') opened.push(`bit ${bit}`);
      }
    }
    expect(opened).toEqual([]);
  });
});
