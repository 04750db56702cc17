import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditRows, tamper } from '../support/audit-rows';
import { TestApp } from '../support/test-app';
import { type CommandResult, runCommand } from './command-process';

jest.setTimeout(180_000);

describe('keyrun audit delete-again', () => {
  let app: TestApp;
  let directory: string;

  beforeEach(async () => {
    app = await TestApp.start();
    directory = await mkdtemp(join(tmpdir(), 'keyrun-restore-'));
  });

  afterEach(async () => {
    await app.close();
    await rm(directory, { recursive: true });
  });

  const audit = (...words: string[]) =>
    runCommand(['audit', ...words], {
      DATABASE_URL: app.database.url.expose(),
      KEYRUN_ROOT_KEY: app.rootKey,
      KEYRUN_DATA_DIR: directory,
    });

  /** What a dump has, to be put back later. */
  async function backUp(): Promise<() => Promise<void>> {
    const owner = app.database.dataSource;
    const tables = await owner.query<{ name: string }[]>(`
      SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
         AND relkind IN ('r', 'p') AND NOT relispartition
         AND relname NOT IN ('migrations', 'servers', 'rate_limits')`);
    const kept = new Map<string, string>();
    for (const { name } of tables) {
      const [row] = await owner.query<{ rows: string }[]>(
        `SELECT coalesce(jsonb_agg(to_jsonb(kept)), '[]')::text AS rows FROM ${name} kept`,
      );
      kept.set(name, row!.rows);
    }
    return () =>
      owner.transaction(async (manager) => {
        await manager.query('SET LOCAL session_replication_role = replica');
        await manager.query(`TRUNCATE ${[...kept.keys()].join(', ')}`);
        for (const [name, rows] of kept) {
          await manager.query(
            `INSERT INTO ${name} SELECT * FROM jsonb_populate_recordset(NULL::${name}, $1)`,
            [rows],
          );
        }
      });
  }

  const add = async (path: string, body: object) =>
    (await app.request('post', path).send(body).expect(201)).body as { id: string; token: string };
  const addKey = async (workspaceId = app.workspaceId) =>
    (
      await add(app.path('api-keys', workspaceId), {
        provider: 'openai',
        apiKey: 'sk-test-delete-again-0001',
      })
    ).id;
  const ids = async (table: string) =>
    (
      await app.database.dataSource.query<{ id: string }[]>(`SELECT id FROM ${table} ORDER BY 1`)
    ).map(({ id }) => id);
  const exportsIn = async () =>
    (await readdir(directory))
      .filter((name) => name.endsWith('.ndjson'))
      .map((name) => join(directory, name));
  const exported = async () => {
    expect(await audit('export', directory)).toMatchObject({ code: 0, stderr: '' });
    return exportsIn();
  };

  it('deletes what the exports say was deleted since the backup, once it is confirmed', async () => {
    const other = (await add('/api/workspaces', { name: 'Other' })).id;
    const [gone, kept, inOther] = [await addKey(), await addKey(), await addKey(other)];
    const token = await add(app.path('tokens'), { name: 'Leaked', role: 'admin' });
    const hook = await add(app.path('webhooks'), { url: 'https://hooks.example.com/' });
    const restore = await backUp();

    const remove = (path: string) => app.request('delete', path).expect(204);
    await remove(app.path(`api-keys/${gone}`));
    await remove(app.path(`tokens/${token.id}`));
    await remove(app.path(`webhooks/${hook.id}`));
    await remove(app.path(`api-keys/${inOther}`, other));
    const lost = await exported();
    await remove(`/api/workspaces/${other}`);
    for (const file of lost.filter((name) => name.includes('server'))) await rm(file);
    // A folder that is not there is made; a file that is there is not written again.
    expect(await audit('export', join(directory, 'new', 'folder'))).toMatchObject({ code: 0 });
    expect(await audit('export', join(directory, 'new', 'folder'))).toMatchObject({ code: 74 });
    await writeFile(join(directory, 'server.ndjson'), await serverChain());
    const files = await exportsIn();
    expect(files).toHaveLength(3);

    await restore();
    expect(await ids('api_keys')).toEqual([gone, kept, inOther].sort());
    const dry = await audit('delete-again', ...files);
    expect(dry).toMatchObject({ code: 1, stderr: '' });
    expect(dry.stdout).toContain(
      `api-key ${gone} of workspace ${app.workspaceId}: back; it ended 2`,
    );
    expect(dry.stdout).toContain(`workspace ${other}: back`);
    expect(dry.stdout).toContain('5 to delete again. Nothing was changed yet');
    expect(await ids('api_keys')).toHaveLength(3);
    await app.request('get', app.path('api-keys'), token.token).expect(200);

    const done = await audit('delete-again', ...files, '--confirm', '--json');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(done.stdout)).toMatchObject({ isDone: true, stale: [], ownerless: [] });
    expect(await ids('api_keys')).toEqual([kept]);
    expect(await ids('webhooks')).toEqual([]);
    expect(await ids('workspaces')).toEqual([app.workspaceId]);
    expect(await ids('workspace_data_keys')).not.toContain(other);
    await app.request('get', app.path('api-keys'), token.token).expect(401);

    const rows = await auditRows(app, app.workspaceId);
    expect(rows.slice(-3).map(({ action, actor }) => [action, actor])).toEqual([
      ['api-key.deleted', 'server'],
      ['token.revoked', 'server'],
      ['webhook.deleted', 'server'],
    ]);
    expect((await auditRows(app, null)).map(({ action }) => action)).toEqual(['workspace.deleted']);
    expect(await audit('verify')).toMatchObject({ code: 0 });
    expect(await audit('delete-again', ...files, '--confirm')).toMatchObject({
      code: 0,
      stdout: '0 deleted again\n',
    });
  });

  /** The chain of the server alone, as `audit export` writes it. */
  async function serverChain(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'keyrun-restore-'));
    try {
      expect(await audit('export', folder)).toMatchObject({ code: 0 });
      expect((await stat(join(folder, 'server.ndjson'))).mode & 0o777).toBe(0o600);
      return await readFile(join(folder, 'server.ndjson'), 'utf8');
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  it('says which secrets and tokens are as they were before they were replaced', async () => {
    const id = await addKey();
    const token = await add(app.path('tokens'), { name: 'Rotated', role: 'viewer' });
    const restore = await backUp();
    await app
      .request('put', app.path(`api-keys/${id}/secret`))
      .send({ apiKey: 'sk-test-delete-again-0002' })
      .expect(200);
    await app
      .request('post', app.path(`tokens/${token.id}/rotate`))
      .send({})
      .expect(201);
    const files = await exported();
    expect(await audit('delete-again', ...files)).toMatchObject({
      code: 0,
      stdout: '0 deleted again\n',
    });
    await restore();
    const result = await audit('delete-again', ...files);
    expect(result.code).toBe(1);
    expect(result.stdout).toContain(
      `api-key ${id} of workspace ${app.workspaceId}: had its secret`,
    );
    expect(result.stdout).toContain(
      `token ${token.id} of workspace ${app.workspaceId}: was rotated`,
    );
  });

  it('deletes nothing by an export that was edited, is incomplete, foreign or none', async () => {
    const id = await addKey();
    const restore = await backUp();
    await app.request('delete', app.path(`api-keys/${id}`)).expect(204);
    const files = await exported();
    const own = files.find((file) => file.includes(app.workspaceId))!;
    const text = await readFile(own, 'utf8');
    await restore();
    const other = await TestApp.start();
    const foreign = (
      await other.request('get', other.path('audit-events/export')).expect(200).buffer()
    ).text;
    await other.close();

    const bad = join(directory, 'bad.ndjson');
    const refusalOf = async (content: string): Promise<CommandResult> => {
      await writeFile(bad, content);
      return audit('delete-again', own, bad, '--confirm');
    };
    const foreignHere = foreign.replaceAll(other.workspaceId, app.workspaceId);
    for (const [content, reason] of [
      [text.replace(id, app.workspaceId), 'is broken at event'],
      [text.split('\n').slice(0, -2).join('\n'), 'is broken at event'],
      [foreignHere, 'is broken at event 1: changed'],
      ['', 'is no export'],
      ['{"a":1}\n', 'is no export'],
    ] as const) {
      const refused = await refusalOf(content);
      expect(refused).toMatchObject({ code: 78, stdout: '' });
      expect(refused.stderr).toContain(reason);
    }
    expect(await audit('delete-again', join(directory, 'absent'), '--confirm')).toMatchObject({
      code: 74,
      stderr: expect.stringContaining('cannot be read (ENOENT)') as string,
    });
    expect(await audit('delete-again', '--confirm')).toMatchObject({ code: 1 });
    expect(await ids('api_keys')).toEqual([id]);
    expect(await audit('delete-again', own, '--confirm')).toMatchObject({ code: 0 });
    expect(await ids('api_keys')).toEqual([]);
    await restore();
    await tamper(app, 'DELETE FROM audit_events', 'DELETE FROM audit_heads');
    await addKey();
    expect(await audit('delete-again', own, '--confirm')).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('is the trail of another database') as string,
    });
    expect(await ids('api_keys')).toHaveLength(2);
  });
});
