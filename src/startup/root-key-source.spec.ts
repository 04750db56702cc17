import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database';
import { StartupError } from '../common';
import { Environment } from '../config';
import { generateRootKey, parseRootKey } from '../crypto';
import { openRootKeys } from './root-key-source';

describe('openRootKeys', () => {
  let database: TestDatabase;
  let directory: string;
  let keyFile: string;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyrun-root-key-'));
    keyFile = join(directory, 'root-key');
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  afterAll(async () => {
    await database.drop();
  });

  const open = async (variables: Record<string, string> = {}) => {
    const { keyEncryption, generatedFile } = await openRootKeys(
      Environment.parse({ NODE_ENV: 'test', KEYRUN_DATA_DIR: directory, ...variables }),
      database.runtime,
    );
    return { keyEncryption: keyEncryption!, generatedFile };
  };
  const refusalOf = async (variables: Record<string, string> = {}): Promise<StartupError> => {
    const failure: unknown = await open(variables).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(StartupError);
    expect((failure as StartupError).exitCode).toBe(78);
    return failure as StartupError;
  };
  const idOf = (text: ReturnType<typeof generateRootKey>) => parseRootKey(text, 'test').id;

  it('makes a key at the first start, readable by its owner only, and finds it at the next', async () => {
    const first = await open();
    expect(first.generatedFile).toBe(keyFile);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(keyFile, 'utf8')).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    const second = await open();
    expect(second.generatedFile).toBeNull();
    expect(second.keyEncryption.keyIds).toEqual(first.keyEncryption.keyIds);
  });

  it('takes the key of the environment instead of the file, and makes none', async () => {
    const [fromEnvironment, inFile] = [generateRootKey(), generateRootKey()];
    const opened = await open({ KEYRUN_ROOT_KEY: fromEnvironment.expose() });
    expect(await readdir(directory)).toEqual([]);
    await writeFile(keyFile, `${inFile.expose()}\n`, { mode: 0o600 });
    const replaced = await open({ KEYRUN_ROOT_KEY: fromEnvironment.expose() });
    expect(opened.keyEncryption.keyIds).toEqual([idOf(fromEnvironment)]);
    expect(replaced.keyEncryption.keyIds).toEqual([idOf(fromEnvironment)]);
    expect(replaced.generatedFile).toBeNull();
  });

  it('knows previous keys, which seal nothing new', async () => {
    const [active, old, older] = [generateRootKey(), generateRootKey(), generateRootKey()];
    const { keyEncryption } = await open({
      KEYRUN_ROOT_KEY: active.expose(),
      KEYRUN_PREVIOUS_ROOT_KEYS: `${old.expose()},${older.expose()}`,
    });
    expect(new Set(keyEncryption.keyIds)).toEqual(new Set([active, old, older].map(idOf)));
    expect(keyEncryption.keyIds[0]).toBe(idOf(active));
  });

  it.each([
    ['production', { NODE_ENV: 'production' }],
    ['an external database', { DATABASE_URL: 'postgres://u:p@db.example/keyrun' }],
  ])('makes none in front of %s, and says how to make one', async (_name, variables) => {
    const { message } = await refusalOf(variables);
    expect(message).toMatch(/^KEYRUN_ROOT_KEY is not set\. .*openssl rand -base64 32/);
    expect(await readdir(directory)).toEqual([]);
  });

  it('makes none when the database needs the one that is gone', async () => {
    await database.dataSource.query(`
      INSERT INTO workspace_data_keys (id, workspace_id, state, root_key_id, wrapped)
        VALUES ('0190d8f0-0000-7000-8000-000000000001', NULL, 'active', 'gone', 'w1:x')`);
    const { message } = await refusalOf();
    await database.dataSource.query(`DELETE FROM workspace_data_keys`);
    expect(message).toContain('1 data keys');
    expect(message).toContain(keyFile);
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    ['empty', ''],
    ['a passphrase', 'correct horse battery staple'],
    ['too short', 'AAAA'],
    ['weak', Buffer.alloc(32, 7).toString('base64')],
    ['in quotation marks', `"${Buffer.alloc(32, 9).toString('base64')}"`],
    ['with a space behind it', `${Buffer.alloc(32, 9).toString('base64')} `],
  ])('refuses a key that is %s, wherever it stands, and never shows it', async (_name, text) => {
    const variable = await refusalOf({ KEYRUN_ROOT_KEY: text });
    expect(variable.message).toContain('KEYRUN_ROOT_KEY');
    await writeFile(keyFile, text, { mode: 0o600 });
    const file = await refusalOf();
    expect(file.message).toContain(keyFile);
    const previous = await refusalOf({
      KEYRUN_ROOT_KEY: generateRootKey().expose(),
      KEYRUN_PREVIOUS_ROOT_KEYS: text,
    });
    expect(previous.message).toContain('KEYRUN_PREVIOUS_ROOT_KEYS');
    if (text !== '') {
      for (const { message } of [variable, file, previous])
        expect(message).not.toContain(text.trim());
    }
    expect(await readFile(keyFile, 'utf8')).toBe(text);
  });

  describe.each([0o644, 0o640, 0o604, 0o660])('with a file of mode %o', (mode) => {
    beforeEach(async () => {
      await writeFile(keyFile, `${generateRootKey().expose()}\n`);
      await chmod(keyFile, mode);
    });

    it('tightens it on a machine of a developer', async () => {
      await open();
      expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    });

    it('refuses it in production, where others may have read it', async () => {
      const { message } = await refusalOf({ NODE_ENV: 'production' });
      expect(message).toContain(`has mode 0${mode.toString(8)}; want 0600`);
      expect((await stat(keyFile)).mode & 0o777).toBe(mode);
    });
  });

  it('takes a file of mode 0400, as a mounted secret has it', async () => {
    const key = generateRootKey();
    await writeFile(keyFile, key.expose());
    await chmod(keyFile, 0o400);
    const { keyEncryption } = await open({ NODE_ENV: 'production' });
    expect(keyEncryption.keyIds).toEqual([idOf(key)]);
  });

  it('refuses a folder in the place of the file', async () => {
    await mkdir(keyFile);
    expect((await refusalOf()).message).toBe(`${keyFile} cannot be read (EISDIR).`);
  });
});
