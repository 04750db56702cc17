import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { Secret } from '../common';
import { Environment } from '../config';
import { generateRootKey, parseRootKey } from '../crypto';
import { replaceRootKeyFile, retireRootKeyInFile } from './root-key-changes';
import { writeRootKeyFile } from './root-key-files';
import { openRootKeys } from './root-key-source';

const idOf = (text: string) => parseRootKey(new Secret(text), 'KEYRUN_ROOT_KEY').id;
/** No file of these tests leaves the question whether a key may be generated. */
const UNUSED_DATABASE = {} as DataSource;

describe('the root key files', () => {
  const former = generateRootKey().expose();
  let directory: string;
  let environment: Environment;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyrun-root-'));
    environment = Environment.parse({ KEYRUN_DATA_DIR: directory });
    await writeRootKeyFile(join(directory, 'root-key'), [new Secret(former)]);
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  const keyIds = async () =>
    (await openRootKeys(environment, UNUSED_DATABASE)).keyEncryption!.keyIds;

  it('open with the new key first and with all former ones', async () => {
    const first = await replaceRootKeyFile(environment);
    const second = await replaceRootKeyFile(environment);
    expect(second.formerRootKeyId).toBe(first.rootKeyId);
    expect(await keyIds()).toEqual([second.rootKeyId, first.rootKeyId, idOf(former)]);
  });

  it.each([
    ['before anything', {}],
    ['while the previous keys are written', { 'previous-root-keys.draft': 'half of a k' }],
    ['when the former key was saved', { 'previous-root-keys': `${former}\n` }],
    [
      'while the new key is written',
      { 'previous-root-keys': `${former}\n`, 'root-key.draft': 'half of a k' },
    ],
  ])('still open, and can be replaced, after a kill %s', async (_, files) => {
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(directory, name), text, { mode: 0o600 });
    }
    expect(await keyIds()).toEqual([idOf(former)]);
    const { rootKeyId } = await replaceRootKeyFile(environment);
    expect(await keyIds()).toEqual([rootKeyId, idOf(former)]);
  });

  it('keep a retired key where the server does not read it', async () => {
    const { rootKeyId, formerRootKeyId } = await replaceRootKeyFile(environment);
    const file = await retireRootKeyInFile(environment, formerRootKeyId);
    expect(file).toBe(join(directory, 'retired-root-keys'));
    expect(await readFile(file!, 'utf8')).toBe(`${former}\n`);
    expect(await keyIds()).toEqual([rootKeyId]);
    expect(await retireRootKeyInFile(environment, formerRootKeyId)).toBeNull();
  });

  it('are left alone when the environment sets the root key', async () => {
    await replaceRootKeyFile(environment);
    const other = Environment.parse({
      KEYRUN_DATA_DIR: directory,
      KEYRUN_ROOT_KEY: generateRootKey().expose(),
    });
    expect(await retireRootKeyInFile(other, idOf(former))).toBeNull();
    const opened = await openRootKeys(other, UNUSED_DATABASE);
    expect(opened.keyEncryption?.keyIds).toEqual([idOf(other.rootKey!.text.expose())]);
  });

  it('say what is wrong with them', async () => {
    await writeFile(join(directory, 'root-key'), `${former}\n${former}\n`);
    await expect(openRootKeys(environment, UNUSED_DATABASE)).rejects.toThrow('must hold one line');
    await rm(join(directory, 'root-key'));
    await expect(replaceRootKeyFile(environment)).rejects.toThrow('There is no');
  });
});
