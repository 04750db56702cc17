import { CryptoRefused } from './crypto.errors';
import { CryptoService } from './crypto.service';
import { DataKeys } from './data-keys';
import type { DataKeyContext, KeyEncryption } from './key-encryption.interface';
import { KeyServiceUnavailable } from './key-services';
import { LocalKeyEncryption } from './local-key-encryption';
import { generateRootKey, parseRootKey } from './root-key';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

/** A key service that is set up wrongly: what it does at `unwrap` is up to the test. */
class CarelessKeyEncryption implements KeyEncryption {
  readonly activeKeyId = 'carelesscareless';
  readonly keyIds = [this.activeKeyId];

  constructor(private readonly onUnwrap: (dataKey: Buffer, context: DataKeyContext) => Buffer) {}

  wrap(dataKey: Buffer): Promise<string> {
    return Promise.resolve(`w1:careless:${this.activeKeyId}:${dataKey.toString('base64url')}`);
  }

  unwrap(wrapped: string, context: DataKeyContext): Promise<Buffer> {
    const dataKey = Buffer.from(wrapped.split(':')[3]!, 'base64url');
    return Promise.resolve().then(() => this.onUnwrap(dataKey, context));
  }
}

function start(keyEncryption: KeyEncryption): Promise<void> {
  const store = new InMemoryDataKeyStore();
  const dataKeys = new DataKeys(keyEncryption, store);
  return new CryptoService(dataKeys, keyEncryption, store).verifyRootKey();
}

describe('the proof of the active root key at boot', () => {
  it('accepts a key that opens what it wraps and nothing else', async () => {
    await start(new LocalKeyEncryption(parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY')));
  });

  it('refuses one that ignores the context', async () => {
    await expect(start(new CarelessKeyEncryption((dataKey) => dataKey))).rejects.toMatchObject({
      exitCode: 78,
      message:
        'Root key carelesscareless opens data keys that were moved to another place. ' +
        'A Vault key must be made with derived=true.',
    });
  });

  it.each([
    [
      'refuses',
      () => {
        throw new CryptoRefused('auth_failed');
      },
    ],
    ['opens as something else', () => Buffer.alloc(32)],
  ])('refuses one that %s what it wrapped', async (_, onUnwrap) => {
    let calls = 0;
    const once = new CarelessKeyEncryption(() => {
      calls += 1;
      if (calls === 1) return onUnwrap();
      throw new CryptoRefused('auth_failed');
    });
    await expect(start(once)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('does not open what it wraps') as string,
    });
  });

  it('passes on that the key service cannot be asked', async () => {
    const down = new CarelessKeyEncryption(() => {
      throw new KeyServiceUnavailable('denied');
    });
    await expect(start(down)).rejects.toBeInstanceOf(KeyServiceUnavailable);
  });
});
