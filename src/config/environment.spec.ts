import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StartupError } from '../common';
import { Environment, ENVIRONMENT_SCHEMA } from './environment';

const SECRET_TEXT = 'value-that-no-message-may-repeat-4711';

function refusalOf(variables: Record<string, string>): StartupError {
  try {
    Environment.parse(variables);
  } catch (error) {
    expect(error).toBeInstanceOf(StartupError);
    return error as StartupError;
  }
  throw new Error(`accepted: ${Object.keys(variables).join(', ')}`);
}

describe('Environment', () => {
  it('needs no variable at all', () => {
    const environment = Environment.parse({});
    expect(environment).toMatchObject({
      nodeEnvironment: 'development',
      host: '127.0.0.1',
      port: 3000,
      logLevel: 'info',
      databaseUrl: null,
      dataDirectory: resolve('./data'),
      rootKey: null,
      previousRootKeys: [],
      bootstrapTokenFile: null,
      customBaseUrl: 'https-public',
      allowedHosts: [],
    });
    expect(environment.isProduction).toBe(false);
  });

  it('takes a set but empty variable for one that is not set', () => {
    const names = Object.keys(ENVIRONMENT_SCHEMA.shape).filter(
      (name) => !name.includes('ROOT_KEY'),
    );
    const empty = Object.fromEntries(names.map((name) => [name, '']));
    expect(Environment.parse(empty)).toEqual(Environment.parse({}));
  });

  it('ignores what is none of its own', () => {
    expect(Environment.parse({ PATH: '/bin', OPENAI_API_KEY: 'sk-test' })).toEqual(
      Environment.parse({}),
    );
  });

  it.each([
    ['NODE_ENV', 'production', 'nodeEnvironment', 'production'],
    ['NODE_ENV', 'test', 'nodeEnvironment', 'test'],
    ['HOST', '0.0.0.0', 'host', '0.0.0.0'],
    ['PORT', '0', 'port', 0],
    ['PORT', '65535', 'port', 65_535],
    ['LOG_LEVEL', 'silent', 'logLevel', 'silent'],
    ['LOG_LEVEL', 'trace', 'logLevel', 'trace'],
    ['KEYRUN_DATA_DIR', '/var/lib/keyrun', 'dataDirectory', '/var/lib/keyrun'],
    ['KEYRUN_DATA_DIR', 'here', 'dataDirectory', resolve('here')],
    ['KEYRUN_BOOTSTRAP_TOKEN_FILE', '/run/token', 'bootstrapTokenFile', '/run/token'],
    ['KEYRUN_CUSTOM_BASE_URL', 'off', 'customBaseUrl', 'off'],
    ['KEYRUN_CUSTOM_BASE_URL', 'allowlist', 'customBaseUrl', 'allowlist'],
    ['KEYRUN_ALLOWED_HOSTS', 'localhost:11434', 'allowedHosts', ['localhost:11434']],
    [
      'KEYRUN_ALLOWED_HOSTS',
      ' A.example:1 ,, [::1]:8080,',
      'allowedHosts',
      ['a.example:1', '[::1]:8080'],
    ],
  ] as const)('reads %s=%s', (variable, text, field, value) => {
    expect(Environment.parse({ [variable]: text })[field]).toEqual(value);
  });

  it.each(['postgres://u:p@h/db', 'postgresql://u:p@h:5432/db?sslmode=require'])(
    'reads DATABASE_URL=%s as a secret',
    (text) => {
      const environment = Environment.parse({ DATABASE_URL: text });
      expect(environment.databaseUrl?.expose()).toBe(text);
      expect(JSON.stringify(environment)).not.toContain(text);
    },
  );

  it.each([
    ['NODE_ENV', 'staging'],
    ['PORT', SECRET_TEXT],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '3000.5'],
    ['PORT', '0x50'],
    ['PORT', ' 3000'],
    ['LOG_LEVEL', 'verbose'],
    ['LOG_LEVEL', 'INFO'],
    ['DATABASE_URL', `mysql://root:${SECRET_TEXT}@h/db`],
    ['DATABASE_URL', SECRET_TEXT],
    ['KEYRUN_RUNTIME_DATABASE_URL', SECRET_TEXT],
    ['KEYRUN_CUSTOM_BASE_URL', 'on'],
    ['KEYRUN_ALLOWED_HOSTS', SECRET_TEXT],
    ['KEYRUN_ALLOWED_HOSTS', 'localhost'],
    ['KEYRUN_ALLOWED_HOSTS', 'http://localhost:1'],
    ['KEYRUN_ALLOWED_HOSTS', 'good:1, bad'],
    ['KEYRUN_ALLOWED_HOSTS', '*:443'],
  ])('refuses %s=%s by name, without its value', (variable, text) => {
    const refusal = refusalOf({ [variable]: text });
    expect(refusal.exitCode).toBe(78);
    expect(refusal.message).toContain(`${variable}: `);
    expect(refusal.message).not.toContain(SECRET_TEXT);
    expect(refusal.message).toMatch(/See \.env\.example\.$/);
  });

  it('takes a connection for requests only beside one that migrates', () => {
    const runtime = { KEYRUN_RUNTIME_DATABASE_URL: `postgres://u:${SECRET_TEXT}@h/db` };
    const environment = Environment.parse({ DATABASE_URL: 'postgres://o:p@h/db', ...runtime });
    expect(environment.runtimeDatabaseUrl?.expose()).toContain(SECRET_TEXT);
    expect(refusalOf(runtime).message).toMatch(/^KEYRUN_RUNTIME_DATABASE_URL needs DATABASE_URL/);
    expect(refusalOf(runtime).message).not.toContain(SECRET_TEXT);
  });

  it('names every bad variable at once', () => {
    const { message } = refusalOf({ PORT: 'x', LOG_LEVEL: 'x', NODE_ENV: 'x' });
    for (const name of ['PORT', 'LOG_LEVEL', 'NODE_ENV']) expect(message).toContain(`${name}: `);
  });

  it('cannot be changed afterwards', () => {
    const environment = Environment.parse({ KEYRUN_ALLOWED_HOSTS: 'a:1' });
    expect(Object.isFrozen(environment)).toBe(true);
    expect(Object.isFrozen(environment.allowedHosts)).toBe(true);
  });
});

describe('secrets of the environment', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyrun-environment-'));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  const file = async (text: string): Promise<string> => {
    const path = join(directory, `secret-${Math.random()}`);
    await writeFile(path, text);
    return path;
  };

  it('come from a variable, with its name for messages', () => {
    const { rootKey } = Environment.parse({ KEYRUN_ROOT_KEY: ` ${SECRET_TEXT} ` });
    expect(rootKey?.source).toBe('KEYRUN_ROOT_KEY');
    expect(rootKey?.text.expose()).toBe(` ${SECRET_TEXT} `);
    expect(JSON.stringify(rootKey)).not.toContain(SECRET_TEXT);
  });

  it.each(['', '\n', '\r\n'])('come from a file that ends with %j', async (ending) => {
    const path = await file(`${SECRET_TEXT}${ending}`);
    const { rootKey } = Environment.parse({ KEYRUN_ROOT_KEY_FILE: path });
    expect(rootKey?.source).toBe('KEYRUN_ROOT_KEY_FILE');
    expect(rootKey?.text.expose()).toBe(SECRET_TEXT);
  });

  it('that are set but empty count as set', async () => {
    expect(Environment.parse({ KEYRUN_ROOT_KEY: '' }).rootKey?.text.expose()).toBe('');
    const path = await file('');
    expect(Environment.parse({ KEYRUN_ROOT_KEY_FILE: path }).rootKey?.text.expose()).toBe('');
    expect(refusalOf({ KEYRUN_ROOT_KEY_FILE: '' }).exitCode).toBe(78);
  });

  it.each(['KEYRUN_ROOT_KEY', 'KEYRUN_PREVIOUS_ROOT_KEYS'])(
    'are refused when both %s and its file are set',
    async (name) => {
      const both = { [name]: SECRET_TEXT, [`${name}_FILE`]: await file(SECRET_TEXT) };
      const refusal = refusalOf(both);
      expect(refusal.exitCode).toBe(78);
      expect(refusal.message).toBe(`Set ${name} or ${name}_FILE, not both.`);
    },
  );

  it('are refused in production when everybody may read their file', async () => {
    const path = await file(SECRET_TEXT);
    const settings = { NODE_ENV: 'production', KEYRUN_ROOT_KEY_FILE: path };
    await chmod(path, 0o644);
    expect(refusalOf(settings).message).toContain('mode 0644');
    expect(refusalOf(settings).message).not.toContain(SECRET_TEXT);
    await chmod(path, 0o640);
    expect(Environment.parse(settings).rootKey?.text.expose()).toBe(SECRET_TEXT);
  });

  it.each(['KEYRUN_ROOT_KEY_FILE', 'KEYRUN_PREVIOUS_ROOT_KEYS_FILE'])(
    'are refused when %s cannot be read, and the message says why',
    (name) => {
      const missing = refusalOf({ [name]: join(directory, 'missing') });
      expect(missing.message).toMatch(new RegExp(`^${name} names a file.*\\(ENOENT\\)`));
      expect(refusalOf({ [name]: directory }).message).toContain('(EISDIR)');
      expect(missing.exitCode).toBe(78);
    },
  );

  it.each([
    ['one', ['one']],
    ['one,two', ['one', 'two']],
    [' one , two ', ['one', 'two']],
    ['one\ntwo\n', ['one', 'two']],
    ['', ['']],
    ['one,', ['one', '']],
  ])('may be several: %j', async (text, keys) => {
    const { previousRootKeys } = Environment.parse({
      KEYRUN_PREVIOUS_ROOT_KEYS_FILE: await file(text),
    });
    expect(previousRootKeys.map((key) => key.text.expose())).toEqual(keys);
    expect(new Set(previousRootKeys.map((key) => key.source))).toEqual(
      new Set(['KEYRUN_PREVIOUS_ROOT_KEYS_FILE']),
    );
  });

  it('leave the process once they are read', () => {
    process.env.KEYRUN_ROOT_KEY = SECRET_TEXT;
    process.env.KEYRUN_PREVIOUS_ROOT_KEYS = SECRET_TEXT;
    process.env.DATABASE_URL = `postgres://keyrun:${SECRET_TEXT}@localhost/keyrun`;
    process.env.KEYRUN_RUNTIME_DATABASE_URL = process.env.DATABASE_URL;
    const environment = Environment.fromProcess();
    expect(environment.databaseUrl?.expose()).toContain(SECRET_TEXT);
    expect(environment.rootKey?.text.expose()).toBe(SECRET_TEXT);
    expect(environment.previousRootKeys[0]?.text.expose()).toBe(SECRET_TEXT);
    expect(JSON.stringify(process.env)).not.toContain(SECRET_TEXT);
  });
});
