import { createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';

import { v7 } from 'uuid';

import { encodeAssociatedData } from './associated-data';
import { DataKeys } from './data-keys';
import { JournalFileKey, JournalKeys } from './journal-keys';
import { LocalKeyEncryption } from './local-key-encryption';
import { generateRootKey, parseRootKey } from './root-key';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

const FILE_ID = `${v7()}.000001`;
const PLACE = { entry: 7, kind: 1 };
const TEXT = Buffer.from('{"a":"receipt"}');

describe('JournalKeys', () => {
  let dataKeys: DataKeys;
  let keys: JournalKeys;

  beforeEach(() => {
    const rootKey = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
    dataKeys = new DataKeys(new LocalKeyEncryption(rootKey), new InMemoryDataKeyStore());
    keys = new JournalKeys(dataKeys);
  });

  it('derive a key for each file from the data key of the server', async () => {
    const { id, key } = await dataKeys.system();
    const sealed = Buffer.concat((await keys.current()).ofFile(FILE_ID).seal([TEXT], PLACE));
    const journal = hkdfSync('sha256', key, '', 'keyrun/journal/v1', 32);
    const file = Buffer.from(hkdfSync('sha256', Buffer.from(journal), '', FILE_ID, 32));
    const decipher = createDecipheriv('aes-256-gcm', file, sealed.subarray(0, 12));
    decipher.setAAD(encodeAssociatedData(['keyrun/journal/v1', FILE_ID, '7', '1']));
    decipher.setAuthTag(sealed.subarray(-16));
    const opened = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
    expect(opened).toEqual(TEXT);
    const again = (await keys.byId(id)).ofFile(FILE_ID);
    expect(again.dataKeyId).toBe(id);
    expect(again.open(sealed, PLACE)).toEqual(TEXT);
  });

  it.each([
    ['entry', { ...PLACE, entry: 8 }],
    ['kind', { ...PLACE, kind: 2 }],
  ])('refuse another %s', async (_, other) => {
    const key = (await keys.current()).ofFile(FILE_ID);
    expect(() => key.open(Buffer.concat(key.seal([TEXT], PLACE)), other)).toThrow(
      expect.objectContaining({ code: 'auth_failed' }),
    );
  });

  it('refuse another file, even by the same key', () => {
    const secret = createSecretKey(randomBytes(32));
    const sealed = Buffer.concat(new JournalFileKey('id', FILE_ID, secret).seal([TEXT], PLACE));
    const moved = new JournalFileKey('id', `${v7()}.000001`, secret);
    expect(() => moved.open(sealed, PLACE)).toThrow(
      expect.objectContaining({ code: 'auth_failed' }),
    );
  });

  it('know no data key of a workspace, nor of another database', async () => {
    const foreign = await dataKeys.create(v7());
    for (const id of [foreign.id, v7()]) {
      await expect(keys.byId(id)).rejects.toMatchObject({ code: 'data_key_missing' });
    }
  });

  it('show no byte of a key when they are printed', async () => {
    const key = await keys.current();
    const hex = (await dataKeys.system()).key.export().toString('hex').slice(0, 8);
    expect(inspect([key, key.ofFile(FILE_ID)], { depth: 9, showHidden: true })).not.toContain(hex);
  });
});
