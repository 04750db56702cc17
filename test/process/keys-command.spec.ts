import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Environment } from '../../src/config';
import { ContentKeys, generateRootKey, parseRootKey } from '../../src/crypto';
import { Secret } from '../../src/common';
import { ExecutionContent } from '../../src/content';
import { replaceRootKeyFile } from '../../src/startup';
import { writeRootKeyFile } from '../../src/startup/root-key-files';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { VaultNode } from '../support/vault-node';
import { runCommand, runKeys } from './command-process';

jest.setTimeout(180_000);

const parse = (text: string) => parseRootKey(new Secret(text), 'KEYRUN_ROOT_KEY');

/** One in 64. */
function keyWhoseIdLooksLikeAnOption(): string {
  for (;;) {
    const text = generateRootKey().expose();
    if (parse(text).id.startsWith('-')) return text;
  }
}

describe('keyrun keys', () => {
  const [former, active] = [keyWhoseIdLooksLikeAnOption(), generateRootKey().expose()];
  let database: TestDatabase;
  let directory: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    directory = await mkdtemp(join(tmpdir(), 'keyrun-keys-'));
  });

  afterEach(async () => {
    await database.drop();
    await rm(directory, { recursive: true });
  });

  const settings = (variables: Record<string, string> = {}) => ({
    DATABASE_URL: database.url.expose(),
    KEYRUN_DATA_DIR: directory,
    ...variables,
  });

  /** What the chain of the workspace, or of the server (null), holds. */
  const events = (workspaceId: string | null) =>
    database.dataSource.query<{ action: string; details: object }[]>(
      `SELECT action, details FROM audit_events WHERE workspace_id IS NOT DISTINCT FROM $1
        AND actor = 'server' ORDER BY sequence`,
      [workspaceId],
    );

  it('takes a root key of the environment through its whole change', async () => {
    const node = VaultNode.local(database, parse(former));
    await node.crypto.verifyRootKey();
    const [saved] = await node.addWorkspaces(3);
    const content = (of: VaultNode) =>
      new ExecutionContent(of.tenants, new ContentKeys(of.dataKeys)).sealer(saved!.workspaceId);
    const place = { executionId: saved!.id, field: 'output' } as const;
    const sealed = (await content(node)).seal('an answer', place);
    const [oldId, newId] = [parse(former).id, parse(active).id];
    const flipped = settings({ KEYRUN_ROOT_KEY: active, KEYRUN_PREVIOUS_ROOT_KEYS: former });
    const printed: string[] = [];
    const keys = async (...words: string[]) => {
      const result = await runKeys(words, flipped);
      printed.push(result.stdout, result.stderr);
      return result;
    };

    const status = await keys('status', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({
      activeRootKeyId: newId,
      rootKeys: [{ rootKeyId: oldId, dataKeys: 4, isActive: false }],
    });
    expect(await keys('retire', oldId)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('4 data keys still need') as string,
    });
    expect(await keys('rotate-root')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('KEYRUN_PREVIOUS_ROOT_KEYS') as string,
    });
    expect(await keys('rewrap', '--batch', '3')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('4 data keys re-wrapped') as string,
      stderr: expect.stringMatching(/3 of 4 data keys.*\n4 of 4 data keys/) as string,
    });
    expect(await keys('rewrap', '--batch', 'all')).toMatchObject({ code: 78 });
    expect(await keys('rotate-data-key', '--workspace', saved!.workspaceId)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 secrets sealed again') as string,
    });
    expect(await keys('rotate-data-key', '--all')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('3 data keys replaced') as string,
    });
    expect(await keys('rotate-data-key')).toMatchObject({ code: 78 });
    expect(await keys('status', '--verify')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('4 of 4 secrets open') as string,
    });
    expect(await keys('retire', oldId)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('KEYRUN_PREVIOUS_ROOT_KEYS') as string,
    });
    expect(await keys('retire', 'unknownunknownun')).toMatchObject({ code: 1 });
    expect(await events(null)).toEqual([
      { action: 'root-key.rotated', details: { rootKeyId: newId, dataKeys: 3 } },
      { action: 'root-key.rotated', details: { rootKeyId: newId, dataKeys: 1 } },
      { action: 'root-key.retired', details: { rootKeyId: oldId } },
    ]);
    const rotations = await events(saved!.workspaceId);
    expect(rotations.map(({ action }) => action)).toEqual(['data-key.rotated', 'data-key.rotated']);
    const verified = await runCommand(['audit', 'verify'], flipped);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toMatch(/^server: 3 events, ok/);
    expect(verified.stdout).toContain(`${saved!.workspaceId}: 2 events, ok`);
    const last = VaultNode.local(database, parse(active));
    expect(await last.open(saved!)).toBe(saved!.secret);
    expect((await content(last)).open(sealed, place)).toBe('an answer');
    for (const text of printed) {
      for (const key of [former, active]) expect(text).not.toContain(key.slice(0, 10));
      expect(text).not.toContain(saved!.secret);
    }
  });

  it('says what does not open, and exits with 1', async () => {
    const node = VaultNode.local(database, parse(active));
    const [moved] = await node.addWorkspaces(2);
    await database.dataSource.query(
      `UPDATE api_keys SET base_url = 'https://x.example' WHERE id = $1`,
      [moved!.id],
    );
    const result = await runKeys(['status', '--verify'], settings({ KEYRUN_ROOT_KEY: active }));
    expect(result.code).toBe(1);
    expect(result.stdout).toContain('1 of 2 secrets open');
    expect(result.stdout).toContain(
      `key ${moved!.id} of workspace ${moved!.workspaceId}: auth_failed`,
    );
  });

  it('needs a database that is there', async () => {
    const result = await runKeys(['status'], { KEYRUN_DATA_DIR: directory });
    expect(result).toMatchObject({ code: 69, stdout: '' });
    expect(result.stderr).toContain('There is no database in');
    expect(await readdir(directory)).toEqual([]);
  });

  it('replaces and retires the root key in the data directory', async () => {
    const environment = Environment.parse({ KEYRUN_DATA_DIR: directory });
    await writeRootKeyFile(join(directory, 'root-key'), [new Secret(former)]);
    await VaultNode.local(database, parse(former)).addWorkspaces(1);
    const rotated = await runKeys(['rotate-root', '--json'], settings());
    const { rootKeyId, formerRootKeyId } = JSON.parse(rotated.stdout) as Record<string, string>;
    expect(formerRootKeyId).toBe(parse(former).id);
    const read = async (name: string) => (await readFile(join(directory, name), 'utf8')).trim();
    expect(parse(await read('root-key')).id).toBe(rootKeyId);
    expect(await read('previous-root-keys')).toBe(former);
    expect(await runKeys(['rewrap'], settings())).toMatchObject({ code: 0 });
    const retired = await runKeys(['retire', formerRootKeyId!], settings());
    expect(retired.stdout).toContain(join(directory, 'retired-root-keys'));
    expect(await read('previous-root-keys')).toBe('');
    expect(await read('retired-root-keys')).toBe(former);
    expect(await events(null)).toEqual([
      { action: 'root-key.rotated', details: { rootKeyId, formerRootKeyId } },
      { action: 'root-key.rotated', details: { rootKeyId, dataKeys: 1 } },
      { action: 'root-key.retired', details: { rootKeyId: formerRootKeyId } },
    ]);
    for (const name of await readdir(directory)) {
      expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
    }
    await replaceRootKeyFile(environment);
    expect(await runKeys(['status'], settings())).toMatchObject({ code: 0 });
  });

  it('does not load the SDK of a key service that is not configured', () => {
    const program = `
      require('./dist/src/startup');
      require('./dist/src/cli/commands.module');
      process.stdout.write(String(Object.keys(require.cache).filter((f) => /aws-sdk/.test(f)).length));`;
    const node = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    expect(node).toMatchObject({ status: 0, stdout: '0' });
  });
});
