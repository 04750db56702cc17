import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import {
  cleanUp,
  newDataDirectory,
  postmasterPid,
  PROJECT_ROOT,
  ServerProcess,
} from './server-process';

jest.setTimeout(120_000);

interface Output {
  readonly status: number | null;
  readonly text: string;
}

function migration(words: readonly string[], variables: Record<string, string>): Output {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(PROJECT_ROOT, 'scripts', 'migration.mjs'), ...words],
    { encoding: 'utf8', cwd: PROJECT_ROOT, env: { PATH: process.env.PATH, ...variables } },
  );
  return { status, text: stdout + stderr };
}

describe('npm run migration:…', () => {
  let database: TestDatabase;
  let folder: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'keyrun-migrations-'));
  });

  afterEach(async () => {
    await cleanUp();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  const onDatabase = (...words: string[]) =>
    migration(words, { DATABASE_URL: database.url.expose() });

  it('revert and run work on DATABASE_URL, and show tells which ran', () => {
    const pending = () => [...onDatabase('show').text.matchAll(/^\[ \]/gm)].length;
    expect(onDatabase('revert').status).toBe(0);
    expect(pending()).toBe(1);
    expect(onDatabase('run').status).toBe(0);
    expect(pending()).toBe(0);
  });

  it('generate says that there is nothing to do', async () => {
    const { status, text } = onDatabase('generate', join(folder, 'nothing'));
    expect(text).toBe('keyrun: entities and database agree; there is nothing to generate.\n');
    expect(status).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });

  it('generate writes a migration that makes the database what the entities say', async () => {
    await database.dataSource.query('ALTER TABLE api_keys DROP COLUMN label');
    const { status, text } = onDatabase('generate', join(folder, 'add-key-labels'));
    expect(status).toBe(0);
    const [file = ''] = await readdir(folder);
    expect(file).toMatch(/^\d{13}-add-key-labels\.ts$/);
    const className = `AddKeyLabels${file.slice(0, 13)}`;
    expect(text).toMatch(new RegExp(`add ${className} to \`migrations\` in ormconfig\\.ts\\.\\n$`));

    const source = await readFile(join(folder, file), 'utf8');
    const compiled = join(folder, 'compiled.cjs');
    const settings = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 };
    await writeFile(compiled, ts.transpile(source, settings));
    expect(source).toContain(`export class ${className} implements MigrationInterface`);
    expect(source).toContain('ALTER TABLE');
    expect(source).toContain('"label"');
    const { [className]: Migration } = (await import(compiled)) as Record<
      string,
      new () => { up(runner: unknown): Promise<void> }
    >;
    const runner = database.dataSource.createQueryRunner();
    await new Migration!().up(runner);
    await runner.release();
    const difference = await database.dataSource.driver.createSchemaBuilder().log();
    expect(difference.upQueries).toEqual([]);
  });

  it('generate refuses a database that lacks migrations, and a name that no file has', async () => {
    expect(onDatabase('revert').status).toBe(0);
    const { status, text } = onDatabase('generate', join(folder, 'too-early'));
    expect([status, text]).toEqual([1, expect.stringContaining('npm run migration:run')]);
    expect(onDatabase('generate', 'Bad_Name').status).toBe(64);
    expect(onDatabase('generate').status).toBe(64);
    expect(onDatabase('sideways').status).toBe(64);
    expect(await readdir(folder)).toEqual([]);
  });

  it('starts the embedded database for itself, and stops it again', async () => {
    const dataDirectory = await newDataDirectory();
    const variables = { KEYRUN_DATA_DIR: dataDirectory };
    expect(migration(['run'], variables).status).toBe(0);
    expect(migration(['show'], variables).text).not.toContain('[ ]');
    expect(postmasterPid(dataDirectory)).toBeNull();
  });

  it('uses the database of the running server', async () => {
    const dataDirectory = await newDataDirectory();
    const server = new ServerProcess({ dataDirectory });
    await server.ready();
    const postmaster = postmasterPid(dataDirectory);
    const { status, text } = migration(['show'], { KEYRUN_DATA_DIR: dataDirectory });
    expect([status, text.includes('[ ]')]).toEqual([0, false]);
    expect(postmasterPid(dataDirectory)).toBe(postmaster);
    expect((await server.stop()).code).toBe(0);
  });

  it('says in one line what cannot work', () => {
    const nowhere = { DATABASE_URL: 'postgres://keyrun:pass-canary@127.0.0.1:1/keyrun' };
    const { status, text } = migration(['generate', 'x'], nowhere);
    expect(status).toBe(1);
    expect(text).toMatch(/^keyrun: [^\n]*ECONNREFUSED[^\n]*\n$/);
    expect(text).not.toContain('pass-canary');
    const below = migration(['show'], { KEYRUN_DATA_DIR: '/proc/keyrun' });
    expect([below.status, below.text]).toEqual([74, expect.stringContaining('cannot be written')]);
  });
});
