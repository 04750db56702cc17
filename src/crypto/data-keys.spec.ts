import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';

import { CryptoRefused } from './crypto.errors';
import { type DataKey, DataKeys } from './data-keys';
import type { DataKeyContext, KeyEncryption } from './key-encryption.interface';
import { LocalKeyEncryption } from './local-key-encryption';
import { generateRootKey, parseRootKey } from './root-key';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

const MINUTE = 60_000;
const rootKey = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');

/** The local key encryption as a slow key service: it counts its calls, can be held, and can fail. */
class KeyService implements KeyEncryption {
  readonly local = new LocalKeyEncryption(rootKey);
  readonly activeKeyId = rootKey.id;
  readonly keyIds = [rootKey.id];
  readonly handedOut: Buffer[] = [];
  unwraps = 0;
  hold: Promise<void> = Promise.resolve();
  failure: Error | null = null;

  async wrap(dataKey: Buffer, context: DataKeyContext): Promise<string> {
    this.handedOut.push(dataKey);
    return this.local.wrap(dataKey, context);
  }

  async unwrap(wrapped: string, context: DataKeyContext): Promise<Buffer> {
    this.unwraps += 1;
    await this.hold;
    if (this.failure !== null) throw this.failure;
    const bytes = await this.local.unwrap(wrapped, context);
    this.handedOut.push(bytes);
    return bytes;
  }
}

let keyService: KeyService;
let store: InMemoryDataKeyStore;
let now: number;
let dataKeys: DataKeys;

beforeEach(() => {
  keyService = new KeyService();
  store = new InMemoryDataKeyStore();
  now = 1_000;
  dataKeys = new DataKeys(keyService, store, () => now);
});

const refused = (code: string) => expect.objectContaining({ name: 'CryptoRefused', code });

function holdUnwrapping(): () => void {
  let release = (): void => undefined;
  keyService.hold = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}

describe('DataKeys', () => {
  it('creates a data key of 32 random bytes under a UUIDv7 and stores it wrapped', async () => {
    const workspaceId = v7();
    const created = await dataKeys.create(workspaceId);
    expect(created.id).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(created.key.symmetricKeySize).toBe(32);
    expect(store.rows).toEqual([
      {
        id: created.id,
        workspaceId,
        rootKeyId: rootKey.id,
        wrapped: expect.stringMatching(/^w1:local:/),
      },
    ]);
    const opened = await dataKeys.byId(workspaceId, created.id);
    expect(opened.key.equals(created.key)).toBe(true);
    expect((await dataKeys.create(v7())).key.equals(created.key)).toBe(false);
  });

  it('hands the transaction to the store and caches nothing before it commits', async () => {
    const insert = jest.spyOn(store, 'insert');
    const transaction = { name: 'transaction' } as never;
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId, transaction);
    expect(insert).toHaveBeenCalledWith(expect.objectContaining({ workspaceId }), transaction);
    store.rows.length = 0;
    await expect(dataKeys.byId(workspaceId, id)).rejects.toEqual(refused('data_key_missing'));
  });

  it('zeroes the bytes it drew and the bytes it unwrapped, also when storing fails', async () => {
    const workspaceId = v7();
    await dataKeys.create(workspaceId);
    await dataKeys.active(workspaceId);
    jest.spyOn(store, 'insert').mockRejectedValueOnce(new Error('database down'));
    await expect(dataKeys.create(v7())).rejects.toThrow('database down');
    expect(keyService.handedOut).toHaveLength(3);
    for (const bytes of keyService.handedOut) expect(bytes.equals(Buffer.alloc(32))).toBe(true);
  });

  it('returns the winner key to the node that came second', async () => {
    const other = new DataKeys(new KeyService(), store);
    const workspaceId = v7();
    const [first, second] = await Promise.all([
      dataKeys.create(workspaceId),
      other.create(workspaceId),
    ]);
    expect(second.id).toBe(first.id);
    expect(second.key.equals(first.key)).toBe(true);
    expect(store.rows).toHaveLength(1);
  });

  it('makes the one system data key for any number of nodes', async () => {
    const nodes = Array.from({ length: 20 }, () => new DataKeys(new KeyService(), store));
    const keys = await Promise.all(nodes.map((node) => node.system()));
    expect(store.rows).toHaveLength(1);
    expect(store.rows[0]).toMatchObject({ workspaceId: null });
    for (const key of keys) expect(key.key.equals(keys[0]!.key)).toBe(true);
    const again = await dataKeys.system();
    expect(again.id).toBe(keys[0]!.id);
    expect(await dataKeys.system()).toBe(again);
  });

  it('has no active data key for a workspace without one', async () => {
    await expect(dataKeys.active(v7())).rejects.toEqual(refused('data_key_missing'));
    await expect(dataKeys.active(null)).rejects.toEqual(refused('data_key_missing'));
    await expect(dataKeys.byId(v7(), v7())).rejects.toEqual(refused('data_key_missing'));
  });

  it('reads from the store which data key is active, every time', async () => {
    const workspaceId = v7();
    const first = await dataKeys.create(workspaceId);
    expect((await dataKeys.active(workspaceId)).id).toBe(first.id);
    const retired = store.rows.pop()!;
    const second = await dataKeys.create(workspaceId);
    store.rows.push(retired);
    expect((await dataKeys.active(workspaceId)).id).toBe(second.id);
    expect((await dataKeys.byId(workspaceId, first.id)).key.equals(first.key)).toBe(true);
  });

  it('asks neither store nor key service on a cache hit', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    const opened = await dataKeys.byId(workspaceId, id);
    const { reads } = store;
    store.rows.length = 0;
    for (let count = 0; count < 100; count += 1)
      expect(await dataKeys.byId(workspaceId, id)).toBe(opened);
    expect(store.reads).toBe(reads);
    expect(keyService.unwraps).toBe(1);
  });

  it('shares the cache between sealing and opening', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    expect(await dataKeys.byId(workspaceId, id)).toBe(await dataKeys.active(workspaceId));
    expect(keyService.unwraps).toBe(1);
  });

  it('never serves a cached key to another workspace', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    await dataKeys.byId(workspaceId, id);
    await expect(dataKeys.byId(v7(), id)).rejects.toEqual(refused('data_key_missing'));
    await expect(dataKeys.byId(null, id)).rejects.toEqual(refused('data_key_missing'));
    const system = await dataKeys.create(null);
    await dataKeys.byId(null, system.id);
    await expect(dataKeys.byId(workspaceId, system.id)).rejects.toEqual(
      refused('data_key_missing'),
    );
  });

  it('refuses a row that was copied to another workspace or id, whatever the row claims', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    const row = store.rows[0]!;
    const other = v7();
    const otherId = v7();
    store.rows.push({ ...row, workspaceId: other }, { ...row, id: otherId });
    await expect(dataKeys.byId(other, id)).rejects.toEqual(refused('auth_failed'));
    await expect(dataKeys.active(other)).rejects.toEqual(refused('auth_failed'));
    await expect(dataKeys.byId(workspaceId, otherId)).rejects.toEqual(refused('auth_failed'));
    jest.spyOn(store, 'findActive').mockResolvedValue(row);
    await expect(dataKeys.active(other)).rejects.toEqual(refused('auth_failed'));
    await expect(dataKeys.system()).rejects.toEqual(refused('auth_failed'));
  });

  it('unwraps once for 500 simultaneous misses', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    const { reads } = store;
    const release = holdUnwrapping();
    const all = Array.from({ length: 500 }, () => dataKeys.byId(workspaceId, id));
    release();
    const keys = new Set<DataKey>(await Promise.all(all));
    expect(keys.size).toBe(1);
    expect(keyService.unwraps).toBe(1);
    expect(store.reads).toBe(reads + 1);
  });

  it('keeps a key for exactly 5 minutes, however often it is used', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    await dataKeys.byId(workspaceId, id);
    for (let minute = 1; minute < 5; minute += 1) {
      now = 1_000 + minute * MINUTE;
      await dataKeys.byId(workspaceId, id);
    }
    now = 1_000 + 5 * MINUTE - 1;
    await dataKeys.byId(workspaceId, id);
    expect(keyService.unwraps).toBe(1);
    now += 1;
    await dataKeys.byId(workspaceId, id);
    expect(keyService.unwraps).toBe(2);
  });

  it('fails closed once the key is out of the cache and the key service is down', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    await dataKeys.byId(workspaceId, id);
    keyService.failure = new Error('key service down');
    now += 5 * MINUTE - 1;
    await dataKeys.byId(workspaceId, id);
    now += 1;
    await expect(dataKeys.byId(workspaceId, id)).rejects.toThrow('key service down');
  });

  it('caches no failure', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    keyService.failure = new Error('key service down');
    const failures = await Promise.allSettled([1, 2, 3].map(() => dataKeys.byId(workspaceId, id)));
    expect(failures.every(({ status }) => status === 'rejected')).toBe(true);
    expect(keyService.unwraps).toBe(1);
    keyService.failure = null;
    expect((await dataKeys.byId(workspaceId, id)).id).toBe(id);
  });

  it('holds 1,000 keys and drops the least recently used', async () => {
    const workspaces = Array.from({ length: 1_001 }, () => v7());
    const ids: string[] = [];
    for (const workspaceId of workspaces) ids.push((await dataKeys.create(workspaceId)).id);
    const open = (index: number) => dataKeys.byId(workspaces[index]!, ids[index]!);
    for (let index = 0; index < 1_000; index += 1) await open(index);
    await open(0);
    expect(keyService.unwraps).toBe(1_000);
    await open(1_000);
    expect(keyService.unwraps).toBe(1_001);
    await open(0);
    await open(2);
    expect(keyService.unwraps).toBe(1_001);
    await open(1);
    expect(keyService.unwraps).toBe(1_002);
  });

  it('forgets one workspace on evict and keeps the others', async () => {
    const mine = v7();
    const other = v7();
    const { id } = await dataKeys.create(mine);
    const { id: otherId } = await dataKeys.create(other);
    const { id: systemId } = await dataKeys.create(null);
    const openAll = async () => {
      await dataKeys.byId(mine, id).catch(() => null);
      await dataKeys.byId(other, otherId);
      await dataKeys.byId(null, systemId);
    };
    await openAll();
    dataKeys.evict(mine);
    store.rows.splice(0, 1);
    await openAll();
    expect(keyService.unwraps).toBe(3);
    await expect(dataKeys.byId(mine, id)).rejects.toEqual(refused('data_key_missing'));
    dataKeys.evict(null);
    await openAll();
    expect(keyService.unwraps).toBe(4);
  });

  it('does not cache what was being unwrapped during evict, whether it succeeds or fails', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    const release = holdUnwrapping();
    const before = dataKeys.byId(workspaceId, id);
    await new Promise(setImmediate);
    dataKeys.evict(workspaceId);
    release();
    await before;
    expect(keyService.unwraps).toBe(1);
    await dataKeys.byId(workspaceId, id);
    expect(keyService.unwraps).toBe(2);
  });

  it('keeps the newer key when an evicted unwrapping fails late', async () => {
    const workspaceId = v7();
    const { id } = await dataKeys.create(workspaceId);
    const unwrap = jest.spyOn(keyService, 'unwrap');
    let reject: (error: Error) => void = () => undefined;
    const late = new Promise<Buffer>((_resolve, rejectLate) => {
      reject = rejectLate;
    });
    unwrap.mockReturnValueOnce(late);
    const failing = dataKeys.byId(workspaceId, id);
    dataKeys.evict(workspaceId);
    const newer = await dataKeys.byId(workspaceId, id);
    reject(new Error('too late'));
    await expect(failing).rejects.toThrow('too late');
    expect(await dataKeys.byId(workspaceId, id)).toBe(newer);
    expect(unwrap).toHaveBeenCalledTimes(2);
  });

  it.each([0, 16, 31, 33])(
    'refuses and zeroes a data key of %i bytes from a key service',
    async (size) => {
      const workspaceId = v7();
      const { id } = await dataKeys.create(workspaceId);
      const bytes = randomBytes(size);
      jest.spyOn(keyService, 'unwrap').mockResolvedValueOnce(bytes);
      await expect(dataKeys.byId(workspaceId, id)).rejects.toEqual(refused('malformed'));
      expect(bytes.equals(Buffer.alloc(size))).toBe(true);
    },
  );

  it('destroys the data keys of one workspace in the store', async () => {
    const [kept, destroyed] = [v7(), v7()];
    await dataKeys.create(kept);
    await dataKeys.create(destroyed);
    await dataKeys.destroy(destroyed, {} as EntityManager);
    expect(store.rows.map(({ workspaceId }) => workspaceId)).toEqual([kept]);
  });

  it('waits for what is being re-wrapped when the server stops', async () => {
    const workspaceId = v7();
    const former = await dataKeys.create(workspaceId);
    const active = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
    const next = new DataKeys(new LocalKeyEncryption(active, [rootKey]), store);
    const replace = store.replaceWrapped.bind(store);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    jest.spyOn(store, 'replaceWrapped').mockImplementation(async (...values) => {
      await held;
      return replace(...values);
    });
    await next.byId(workspaceId, former.id);
    const isLater = new Promise((resolve) => setImmediate(resolve, 'later'));
    expect(await Promise.race([next.onModuleDestroy(), isLater])).toBe('later');
    release();
    await next.onModuleDestroy();
    expect(store.rows).toMatchObject([{ id: former.id, rootKeyId: active.id }]);
  });

  it('uses a clock of its own when none is given, and prints no key byte', async () => {
    const plain = new DataKeys(keyService, store);
    const workspaceId = v7();
    const { id, key } = await plain.create(workspaceId);
    await plain.byId(workspaceId, id);
    await plain.byId(workspaceId, id);
    expect(keyService.unwraps).toBe(1);
    const printed = inspect(plain, { depth: null, showHidden: true });
    expect(printed).not.toContain(key.export().toString('hex').slice(0, 12));
    expect(new CryptoRefused('auth_failed').message).not.toContain(workspaceId);
  });
});
