import { v7 } from 'uuid';

import { CryptoService } from './crypto.service';
import { DataKeys } from './data-keys';
import { LocalKeyEncryption } from './local-key-encryption';
import { generateRootKey, parseRootKey } from './root-key';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

const TOKEN = 'kr_pat_0123456789abcdefghijABCDEFGHIJ000000';
const rootKey = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');

function newNode(
  store: InMemoryDataKeyStore,
  encryption = new LocalKeyEncryption(rootKey),
): CryptoService {
  return new CryptoService(new DataKeys(encryption, store), encryption, store);
}

describe('digestToken', () => {
  it('is 32 bytes, the same each time, another for another token or server', async () => {
    const store = new InMemoryDataKeyStore();
    const node = newNode(store);
    const digest = await node.digestToken(TOKEN);
    expect(digest).toHaveLength(32);
    expect(await node.digestToken(TOKEN)).toEqual(digest);
    expect(await node.digestToken(`${TOKEN} `)).not.toEqual(digest);
    expect(await node.digestToken('')).not.toEqual(digest);
    expect(await newNode(new InMemoryDataKeyStore()).digestToken(TOKEN)).not.toEqual(digest);
  });

  it('zeroes the key it derived', async () => {
    const fills = jest.spyOn(Buffer.prototype, 'fill');
    const node = newNode(new InMemoryDataKeyStore());
    await node.digestToken(TOKEN);
    const zeroed = (fills.mock.contexts as Buffer[]).filter(({ length }) => length === 32);
    fills.mockRestore();
    // The data key that was made, and what was derived from it.
    expect(zeroed).toEqual([Buffer.alloc(32), Buffer.alloc(32)]);
  });

  it('makes the server data key once and agrees among nodes that start at once', async () => {
    const store = new InMemoryDataKeyStore();
    const nodes = Array.from({ length: 10 }, () => newNode(store));
    const digests = await Promise.all(nodes.map((node) => node.digestToken(TOKEN)));
    expect(new Set(digests.map((digest) => digest.toString('hex'))).size).toBe(1);
    expect(store.rows).toHaveLength(1);
    expect(store.rows[0]).toMatchObject({ workspaceId: null, rootKeyId: rootKey.id });
    expect(await newNode(store).digestToken(TOKEN)).toEqual(digests[0]);
  });

  it('reads the store once for any number of tokens, simultaneous first ones included', async () => {
    const store = new InMemoryDataKeyStore();
    await newNode(store).digestToken(TOKEN);
    store.reads = 0;
    const node = newNode(store);
    await Promise.all(Array.from({ length: 200 }, () => node.digestToken(v7())));
    await node.digestToken(TOKEN);
    expect(store.reads).toBe(1);
  });

  it('does not change when the root key is rotated', async () => {
    const store = new InMemoryDataKeyStore();
    const digest = await newNode(store).digestToken(TOKEN);
    const newer = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
    const rotated = new LocalKeyEncryption(newer, [rootKey]);
    expect(await newNode(store, rotated).digestToken(TOKEN)).toEqual(digest);
    const { id, workspaceId, wrapped } = store.rows.pop()!;
    const context = { workspaceId, dataKeyId: id };
    const rewrapped = await rotated.wrap(await rotated.unwrap(wrapped, context), context);
    store.rows.push({ id, workspaceId, rootKeyId: newer.id, wrapped: rewrapped });
    expect(await newNode(store, new LocalKeyEncryption(newer)).digestToken(TOKEN)).toEqual(digest);
  });

  it('tries again after a failure', async () => {
    const store = new InMemoryDataKeyStore();
    const node = newNode(store);
    jest.spyOn(store, 'findActive').mockRejectedValueOnce(new Error('database down'));
    await expect(node.digestToken(TOKEN)).rejects.toThrow('database down');
    expect(await node.digestToken(TOKEN)).toHaveLength(32);
  });
});
