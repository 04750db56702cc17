import { randomBytes } from 'node:crypto';

import { v7 } from 'uuid';

import { CryptoRefused } from '../../../src/crypto/crypto.errors';
import {
  DATA_KEY_BYTES,
  type DataKeyContext,
  type KeyEncryption,
  WRAPPED_DATA_KEY_SQL_PATTERN,
} from '../../../src/crypto/key-encryption.interface';

export interface KeyEncryptionUnderTest {
  readonly keyEncryption: KeyEncryption;
  /** The same scheme with a root key that {@link keyEncryption} does not hold. */
  readonly stranger: KeyEncryption;
  readonly scheme: string;
  /** Of the bytes after the last colon. */
  readonly encoding: 'base64' | 'base64url';
  /** Exchanges with a key service so far; null: there is no service. */
  calls(): number | null;
}

/** The outcome of an unwrapping: what came out, or the code of the refusal. */
export async function outcomeOf(unwrapping: Promise<Buffer>): Promise<string> {
  try {
    return (await unwrapping).toString('hex');
  } catch (error) {
    if (error instanceof CryptoRefused) return error.code;
    throw error;
  }
}

/** What every implementation of {@link KeyEncryption} promises. */
export function describeKeyEncryption(
  name: string,
  start: () => Promise<KeyEncryptionUnderTest> | KeyEncryptionUnderTest,
): void {
  describe(`${name} as a key encryption`, () => {
    let subject: KeyEncryptionUnderTest;
    let context: DataKeyContext;
    let dataKey: Buffer;

    beforeEach(async () => {
      subject = await start();
      context = { workspaceId: v7(), dataKeyId: v7() };
      dataKey = randomBytes(DATA_KEY_BYTES);
    });

    it('unwraps what it wrapped, and leaves the data key to the caller', async () => {
      const before = dataKey.toString('hex');
      const wrapped = await subject.keyEncryption.wrap(dataKey, context);
      expect(dataKey.toString('hex')).toBe(before);
      expect(await outcomeOf(subject.keyEncryption.unwrap(wrapped, context))).toBe(before);
    });

    it('writes text that names scheme and root key and that the database accepts', async () => {
      const wrapped = await subject.keyEncryption.wrap(dataKey, context);
      const { activeKeyId, keyIds } = subject.keyEncryption;
      expect(wrapped.startsWith(`w1:${subject.scheme}:${activeKeyId}:`)).toBe(true);
      expect(keyIds[0]).toBe(activeKeyId);
      expect(wrapped).toMatch(new RegExp(WRAPPED_DATA_KEY_SQL_PATTERN));
      expect(wrapped).not.toContain(dataKey.toString('base64url').slice(0, 12));
    });

    it("serves the server's own data key, which belongs to no workspace", async () => {
      const own = { ...context, workspaceId: null };
      const wrapped = await subject.keyEncryption.wrap(dataKey, own);
      const opened = await outcomeOf(subject.keyEncryption.unwrap(wrapped, own));
      expect(opened).toBe(dataKey.toString('hex'));
      const asTenant = subject.keyEncryption.unwrap(wrapped, context);
      expect(await outcomeOf(asTenant)).toBe('auth_failed');
    });

    it('refuses another workspace and another data key id', async () => {
      const wrapped = await subject.keyEncryption.wrap(dataKey, context);
      for (const wrong of [{ workspaceId: v7() }, { dataKeyId: v7() }]) {
        const moved = subject.keyEncryption.unwrap(wrapped, { ...context, ...wrong });
        expect(await outcomeOf(moved)).toBe('auth_failed');
      }
    });

    it('refuses a foreign root key id without asking anybody', async () => {
      const foreign = await subject.stranger.wrap(dataKey, context);
      const calls = subject.calls();
      const unwrapping = subject.keyEncryption.unwrap(foreign, context);
      expect(await outcomeOf(unwrapping)).toBe('root_key_unknown');
      expect(subject.calls()).toBe(calls);
    });

    it('refuses text of a foreign root key under its own id', async () => {
      const foreign = await subject.stranger.wrap(dataKey, context);
      const { activeKeyId } = subject.keyEncryption;
      const relabelled = foreign.replace(subject.stranger.activeKeyId, activeKeyId);
      const unwrapping = subject.keyEncryption.unwrap(relabelled, context);
      expect(await outcomeOf(unwrapping)).toBe('auth_failed');
    });

    it('refuses a changed bit anywhere in the last 60 bytes', async () => {
      const wrapped = await subject.keyEncryption.wrap(dataKey, context);
      for (const altered of alterations(wrapped, subject.encoding)) {
        const unwrapping = subject.keyEncryption.unwrap(altered, context);
        expect(await outcomeOf(unwrapping)).toBe('auth_failed');
      }
    });

    it('refuses what is shortened, lengthened or of another shape, without asking anybody', async () => {
      const wrapped = await subject.keyEncryption.wrap(dataKey, context);
      const calls = subject.calls();
      const [, , id, ...payload] = wrapped.split(':');
      for (const shape of [
        '',
        'w1',
        ` ${wrapped}`,
        `${wrapped}\n`,
        `${wrapped}!`,
        wrapped.replace('w1:', 'w2:'),
        `w1:${subject.scheme}:${id!}:`,
        `w1:${subject.scheme}:${id!}`,
        `w1:other:${id!}:${payload.join(':')}`,
        `${wrapped}${'A'.repeat(20_000)}`,
      ]) {
        const unwrapping = subject.keyEncryption.unwrap(shape, context);
        expect(await outcomeOf(unwrapping)).toBe('malformed');
      }
      expect(subject.calls()).toBe(calls);
    });

    it('refuses a shortened payload', async () => {
      const wrapped = await subject.keyEncryption.wrap(dataKey, context);
      for (const cut of [4, 16, 40]) {
        const unwrapping = subject.keyEncryption.unwrap(wrapped.slice(0, -cut), context);
        expect(['auth_failed', 'malformed']).toContain(await outcomeOf(unwrapping));
      }
    });

    it('refuses to wrap anything but 32 bytes', async () => {
      for (const length of [0, 16, 31, 33]) {
        const wrapping = subject.keyEncryption.wrap(randomBytes(length), context);
        await expect(wrapping).rejects.toBeInstanceOf(RangeError);
      }
    });
  });
}

/** The text with one bit of its last 60 bytes changed, at several places. */
function alterations(wrapped: string, encoding: 'base64' | 'base64url'): string[] {
  const start = wrapped.lastIndexOf(':') + 1;
  const bytes = Buffer.from(wrapped.slice(start), encoding);
  return Array.from({ length: 12 }, (_, step) => {
    const altered = Buffer.from(bytes);
    const position = bytes.length - 60 + Math.floor((step * 59) / 11);
    altered.writeUInt8(altered.readUInt8(position) ^ (1 << (step % 8)), position);
    return `${wrapped.slice(0, start)}${altered.toString(encoding)}`;
  });
}
