import { createSecretKey, randomBytes } from 'node:crypto';

import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';

import type { StoredDataKey } from '../data-key.store';
import { LocalKeyEncryption } from '../local-key-encryption';
import { generateRootKey, parseRootKey } from '../root-key';
import { InMemoryDataKeyStore } from '../testing/in-memory-data-key.store';
import { LazyRewrap } from './lazy-rewrap';

const newKey = () => parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
const [active, former] = [newKey(), newKey()];

describe('LazyRewrap', () => {
  let store: InMemoryDataKeyStore;
  let lazyRewrap: LazyRewrap;
  const key = createSecretKey(randomBytes(32));

  beforeEach(() => {
    Logger.overrideLogger(false);
    store = new InMemoryDataKeyStore();
    lazyRewrap = new LazyRewrap(new LocalKeyEncryption(active, [former]), store);
  });

  async function add(rootKey = former): Promise<StoredDataKey> {
    const context = { workspaceId: v7(), dataKeyId: v7() };
    const wrapped = await new LocalKeyEncryption(rootKey).wrap(key.export(), context);
    const { workspaceId, dataKeyId: id } = context;
    const row = { id, workspaceId, rootKeyId: rootKey.id, wrapped };
    store.rows.push(row);
    return row;
  }

  const underActive = () => store.rows.filter(({ rootKeyId }) => rootKeyId === active.id).length;

  it('puts the same data key, wrapped by the active root key, into its place', async () => {
    const row = await add();
    lazyRewrap.note(row, key);
    await lazyRewrap.settled();
    const [renewed] = store.rows;
    const context = { workspaceId: row.workspaceId, dataKeyId: row.id };
    const bytes = await new LocalKeyEncryption(active).unwrap(renewed!.wrapped, context);
    expect(bytes).toEqual(key.export());
    expect(renewed!.rootKeyId).toBe(active.id);
  });

  it('leaves what the active root key wraps', async () => {
    const row = await add(active);
    lazyRewrap.note(row, key);
    await lazyRewrap.settled();
    expect(store.rows).toEqual([row]);
  });

  it('takes more while it works, and works again later', async () => {
    lazyRewrap.note(await add(), key);
    lazyRewrap.note(await add(), key);
    await lazyRewrap.settled();
    lazyRewrap.note(await add(), key);
    await lazyRewrap.settled();
    expect(underActive()).toBe(3);
  });

  it('zeroes the bytes it took out of the key', async () => {
    const exported = jest.spyOn(key, 'export');
    lazyRewrap.note(await add(), key);
    await lazyRewrap.settled();
    const bytes = exported.mock.results.at(-1)!.value as Buffer;
    exported.mockRestore();
    expect(bytes).toEqual(Buffer.alloc(32));
  });

  it('gives up what waits when the store fails, says so once, and takes new ones', async () => {
    const warnings = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
    const [first, second] = [await add(), await add()];
    const replace = jest.spyOn(store, 'replaceWrapped');
    replace.mockRejectedValueOnce(new Error(`cannot write ${first.wrapped}`));
    lazyRewrap.note(first, key);
    lazyRewrap.note(second, key);
    await lazyRewrap.settled();
    expect(warnings.mock.calls).toEqual([
      ['data keys could not be re-wrapped; their next use tries again'],
    ]);
    warnings.mockRestore();
    expect([underActive(), replace.mock.calls.length]).toEqual([0, 1]);
    lazyRewrap.note(second, key);
    await lazyRewrap.settled();
    expect([underActive(), replace.mock.calls.length]).toEqual([1, 2]);
  });

  it('lets no more than 1,000 wait', async () => {
    const rows: StoredDataKey[] = [];
    for (let count = 0; count < 1_010; count += 1) rows.push(await add());
    for (const row of rows) lazyRewrap.note(row, key);
    await lazyRewrap.settled();
    expect(underActive()).toBe(1_000);
    lazyRewrap.note(rows.at(-1)!, key);
    await lazyRewrap.settled();
    expect(underActive()).toBe(1_001);
  });
});
