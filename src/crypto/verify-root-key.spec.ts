import { v7 } from 'uuid';

import { StartupError } from '../common';
import { CryptoService } from './crypto.service';
import { DataKeys } from './data-keys';
import type { StoredDataKey } from './data-key.store';
import { LocalKeyEncryption } from './local-key-encryption';
import { generateRootKey, parseRootKey, type RootKey } from './root-key';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

const newRootKey = (): RootKey => parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');

let store: InMemoryDataKeyStore;
let rootKey: RootKey;

beforeEach(() => {
  store = new InMemoryDataKeyStore();
  rootKey = newRootKey();
});

function start(
  active: RootKey,
  previous: RootKey[] = [],
): { service: CryptoService; dataKeys: DataKeys } {
  const encryption = new LocalKeyEncryption(active, previous);
  const dataKeys = new DataKeys(encryption, store);
  return { dataKeys, service: new CryptoService(dataKeys, encryption, store) };
}

async function refusal(service: CryptoService): Promise<StartupError> {
  try {
    await service.verifyRootKey();
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
  throw new Error('The start was accepted.');
}

function editCanary(change: (row: StoredDataKey) => Partial<StoredDataKey>): void {
  const index = store.rows.findIndex((row) => row.workspaceId === null);
  store.rows[index] = { ...store.rows[index]!, ...change(store.rows[index]!) };
}

describe('verifyRootKey', () => {
  it('makes the canary on an empty database and opens it from then on', async () => {
    await start(rootKey).service.verifyRootKey();
    expect(store.rows).toMatchObject([{ workspaceId: null, rootKeyId: rootKey.id }]);
    const [row] = store.rows;
    await start(rootKey).service.verifyRootKey();
    expect(store.rows).toEqual([row]);
  });

  it('lets two nodes start at once on an empty database', async () => {
    const nodes = Array.from({ length: 10 }, () => start(rootKey).service.verifyRootKey());
    await Promise.all(nodes);
    expect(store.rows).toHaveLength(1);
  });

  it('accepts data keys under previous root keys', async () => {
    const { service, dataKeys } = start(rootKey);
    await service.verifyRootKey();
    await dataKeys.create(v7());
    await start(newRootKey(), [rootKey]).service.verifyRootKey();
  });

  it('refuses a database of other root keys: names both sides, counts and the fix, changes nothing', async () => {
    const { service, dataKeys } = start(rootKey);
    await service.verifyRootKey();
    for (let count = 0; count < 30; count += 1) await dataKeys.create(v7());
    const second = newRootKey();
    await start(second).dataKeys.create(v7());
    const before = [...store.rows];
    const active = newRootKey();
    const previous = newRootKey();
    const error = await refusal(start(active, [previous]).service);
    expect(error.exitCode).toBe(78);
    expect(error.message).toBe(
      'The database needs root keys that are not configured: ' +
        `${rootKey.id} (31 data keys), ${second.id} (1 data keys). ` +
        `Configured: ${active.id}, ${previous.id}. ` +
        'Set the missing key as KEYRUN_ROOT_KEY or add it to KEYRUN_PREVIOUS_ROOT_KEYS; ' +
        'a server that generated its own keeps it in the file root-key of its data directory. ' +
        'For a key of AWS KMS or Vault, set KEYRUN_KMS_AWS_KEY_ID or KEYRUN_KMS_VAULT_KEY again.',
    );
    expect(store.rows).toEqual(before);
    const partly = await refusal(start(active, [rootKey]).service);
    expect(partly.message).toContain(`not configured: ${second.id} (1 data keys). Configured`);
    await start(active, [rootKey, second]).service.verifyRootKey();
  });

  it.each<[string, (row: StoredDataKey) => Partial<StoredDataKey>]>([
    [
      'one character changed',
      ({ wrapped }) => ({ wrapped: wrapped.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) }),
    ],
    ['cut off', ({ wrapped }) => ({ wrapped: wrapped.slice(0, -1) })],
    ['emptied', () => ({ wrapped: '' })],
    ['given another id', () => ({ id: v7() })],
    [
      'pointed to an unknown root key inside the text',
      ({ wrapped, rootKeyId }) => ({ wrapped: wrapped.replace(rootKeyId, 'A'.repeat(16)) }),
    ],
  ])('refuses a canary that was %s', async (_name, change) => {
    await start(rootKey).service.verifyRootKey();
    editCanary(change);
    const error = await refusal(start(rootKey).service);
    expect(error.exitCode).toBe(78);
    expect(error.message).toBe(
      `Root key ${rootKey.id} is present but its canary failed: database corrupted or row edited. ` +
        "Restore the server's own data key (the one without a workspace) from a backup.",
    );
  });

  it('refuses a canary replaced by the data key of a workspace', async () => {
    const { service, dataKeys } = start(rootKey);
    await service.verifyRootKey();
    const { id } = await dataKeys.create(v7());
    const { wrapped } = store.rows.find((row) => row.id === id)!;
    editCanary(() => ({ id, wrapped }));
    const refused = await refusal(start(rootKey).service);
    expect(refused.message).toContain('its canary failed');
    expect(refused.cause).toMatchObject({ name: 'CryptoRefused', code: 'auth_failed' });
  });

  it('shows no byte of any key', async () => {
    await start(rootKey).service.verifyRootKey();
    const active = newRootKey();
    const { message, stack } = await refusal(start(active).service);
    for (const { key } of [active, rootKey]) {
      for (const form of ['hex', 'base64', 'base64url'] as const) {
        expect(message + String(stack)).not.toContain(key.export().toString(form).slice(0, 12));
      }
    }
  });

  it('zeroes the data key that it opened to look', async () => {
    const { service } = start(rootKey);
    await service.verifyRootKey();
    const opened = jest.spyOn(LocalKeyEncryption.prototype, 'unwrap');
    await service.verifyRootKey();
    const canary = await (opened.mock.results.at(-1)!.value as Promise<Buffer>);
    opened.mockRestore();
    expect(canary).toEqual(Buffer.alloc(32));
  });

  it('passes an unreachable store or key service on as it is', async () => {
    await start(rootKey).service.verifyRootKey();
    const encryption = new LocalKeyEncryption(rootKey);
    const service = new CryptoService(new DataKeys(encryption, store), encryption, store);
    jest.spyOn(encryption, 'unwrap').mockRejectedValueOnce(new Error('key service down'));
    await expect(service.verifyRootKey()).rejects.toThrow('key service down');
    jest.spyOn(encryption, 'unwrap').mockImplementation(async (wrapped, context) => {
      if (context.dataKeyId === store.rows[0]!.id) throw new Error('key service down at the end');
      return new LocalKeyEncryption(rootKey).unwrap(wrapped, context);
    });
    await expect(service.verifyRootKey()).rejects.toThrow('key service down at the end');
    jest.restoreAllMocks();
    jest.spyOn(store, 'listRootKeyIds').mockRejectedValueOnce(new Error('database down'));
    await expect(service.verifyRootKey()).rejects.toThrow('database down');
    await service.verifyRootKey();
  });
});
