import { once } from 'node:events';
import { chmod, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generateRootKey } from '../../src/crypto';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import {
  cleanUp,
  newDataDirectory,
  postmasterPid,
  type ServerOptions,
  ServerProcess,
} from './server-process';

jest.setTimeout(120_000);

const isRoot = process.getuid?.() === 0;

describe('a start that cannot succeed', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterEach(cleanUp);

  afterAll(async () => {
    await database.drop();
  });

  /** Ends with the code, says one line, and leaves no PostgreSQL behind. */
  async function expectRefusal(options: ServerOptions, code: number, line: RegExp) {
    const server = new ServerProcess(options);
    expect(await server.exited).toEqual({ code, signal: null });
    expect(server.stderr).toMatch(/^keyrun: [^\n]+\n$/);
    expect(server.stderr).toMatch(line);
    if (options.dataDirectory !== undefined) {
      expect(postmasterPid(options.dataDirectory)).toBeNull();
    }
    return server;
  }

  /** On the database of the test run, which saves making a cluster. */
  async function expectRefusalOnDatabase(
    variables: Record<string, string>,
    code: number,
    line: RegExp,
  ) {
    const dataDirectory = await newDataDirectory();
    const withDatabase = { DATABASE_URL: database.url.expose(), ...variables };
    const server = await expectRefusal({ dataDirectory, variables: withDatabase }, code, line);
    const said = server.stderr + server.stdout;
    for (const value of Object.values(variables)) {
      if (!value.startsWith('/') && value.length >= 16) expect(said).not.toContain(value);
    }
    expect(said).not.toContain(new URL(database.url.expose()).password);
  }

  it('port in use: 69', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const port = String((holder.address() as AddressInfo).port);
    try {
      const dataDirectory = await newDataDirectory();
      await expectRefusal(
        { dataDirectory, variables: { PORT: port } },
        69,
        new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is in use .* set PORT`),
      );
    } finally {
      holder.close();
    }
  });

  it('data directory below /proc: 74', async () => {
    await expectRefusal(
      { dataDirectory: '/proc/keyrun/data' },
      74,
      /data directory \/proc\/keyrun\/data cannot be written .* set KEYRUN_DATA_DIR/,
    );
  });

  it('data directory below a file: 74', async () => {
    const file = join(await newDataDirectory(), 'file');
    await writeFile(file, '');
    await expectRefusal({ dataDirectory: join(file, 'data') }, 74, /cannot be written \(ENOTDIR\)/);
  });

  // Root may write anywhere, so there is nothing to refuse.
  (isRoot ? () => undefined : it)('data directory of somebody else: 74', async () => {
    const dataDirectory = await newDataDirectory();
    await chmod(dataDirectory, 0o500);
    await expectRefusal({ dataDirectory }, 74, /cannot be written \(EACCES\)/);
  });

  it('database that nobody answers for: 69, without its password', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    await new Promise((resolve) => holder.close(resolve));
    const url = `postgres://keyrun:pass-canary@127.0.0.1:${port}/keyrun`;
    const server = await expectRefusal(
      { dataDirectory: await newDataDirectory(), variables: { DATABASE_URL: url } },
      69,
      new RegExp(`127\\.0\\.0\\.1:${port}/keyrun cannot be used: connection refused`),
    );
    expect(server.stderr + server.stdout).not.toContain('pass-canary');
  });

  it('database that refuses the password: 69', async () => {
    const url = new URL(database.url.expose());
    url.password = 'wrong-password-canary';
    await expectRefusalOnDatabase({ DATABASE_URL: url.href }, 69, /the password is wrong/);
  });

  it('database that is not there: 69', async () => {
    const url = new URL(database.url.expose());
    url.pathname = '/nowhere';
    await expectRefusalOnDatabase({ DATABASE_URL: url.href }, 69, /the database does not exist/);
  });

  it.each([
    ['malformed', { KEYRUN_ROOT_KEY: 'a-passphrase-is-not-a-key' }, /must be 64 hex .* openssl/],
    ['empty', { KEYRUN_ROOT_KEY: '' }, /KEYRUN_ROOT_KEY is set but empty/],
    ['weak', { KEYRUN_ROOT_KEY: '00'.repeat(32) }, /looks like a placeholder/],
    ['in no file', { KEYRUN_ROOT_KEY_FILE: '/nowhere/root-key' }, /cannot be read \(ENOENT\)/],
    ['missing', {}, /KEYRUN_ROOT_KEY is not set\. .* generate one/],
    ['missing in production', { NODE_ENV: 'production' }, /KEYRUN_ROOT_KEY is not set/],
    [
      'given twice',
      { KEYRUN_ROOT_KEY: generateRootKey().expose(), KEYRUN_ROOT_KEY_FILE: '/somewhere' },
      /not both/,
    ],
  ])('root key %s: 78', async (_what, variables, line) => {
    await expectRefusalOnDatabase(variables, 78, line);
  });

  it('no root key, in production, on an empty embedded database: 78', async () => {
    await expectRefusal(
      { dataDirectory: await newDataDirectory(), variables: { NODE_ENV: 'production' } },
      78,
      /KEYRUN_ROOT_KEY is not set\. .* generate one: openssl rand -base64 32/,
    );
  });

  it.each([
    ['PORT', 'eighty'],
    ['LOG_LEVEL', 'loud'],
    ['DATABASE_URL', 'mysql://keyrun:pass-canary-of-a-test@127.0.0.1/keyrun'],
    ['KEYRUN_ALLOWED_HOSTS', 'http://127.0.0.1'],
    ['KEYRUN_CUSTOM_BASE_URL', 'anything'],
  ])('%s that is no setting: 78, without its value', async (name, value) => {
    const server = await expectRefusal({ variables: { [name]: value } }, 78, new RegExp(name));
    expect(server.stderr).not.toContain(value);
  });

  it('wrong root key, or a lost one: 78, and the right one still opens', async () => {
    const dataDirectory = await newDataDirectory();
    const first = new ServerProcess({ dataDirectory });
    await first.ready();
    expect((await first.stop()).code).toBe(0);

    const wrong = generateRootKey().expose();
    const variables = { KEYRUN_ROOT_KEY: wrong };
    const refused = await expectRefusal({ dataDirectory, variables }, 78, /root key/);
    expect(refused.stderr).not.toContain(wrong);

    const file = join(dataDirectory, 'root-key');
    const kept = `${file}.kept`;
    await rename(file, kept);
    await expectRefusal({ dataDirectory }, 78, /the root key is gone\. Restore .*root-key/);
    await rename(kept, file);

    const last = new ServerProcess({ dataDirectory });
    await last.ready();
    expect((await last.stop()).code).toBe(0);
  });
});
