import { tablesWith } from '../support/database-contents';
import { expectProblem } from '../support/problem-of';
import { TestBench } from '../support/test-bench';

interface Page {
  readonly object: string;
  readonly data: { id: string; name: string }[];
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}

describe('workspaces', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  const page = async (query: string, token?: string): Promise<Page> => {
    const answer = await bench.app.request('get', `/api/workspaces?${query}`, token).expect(200);
    return answer.body as Page;
  };

  it('are created with a trimmed name and read back', async () => {
    const created = await bench.app
      .request('post', '/api/workspaces')
      .send({ name: '  Research & Döner 🥙 ' })
      .expect(201);
    expect(created.body).toEqual({
      id: expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      name: 'Research & Döner 🥙',
      storeContent: null,
      onDisconnect: 'finish',
      storeAtProvider: false,
      role: 'owner',
      permissions: expect.arrayContaining(['workspace:delete', 'executions:run']),
      createdAt: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/),
      updatedAt: created.body.createdAt,
    });
    const path = `/api/workspaces/${created.body.id}`;
    expect((await bench.app.request('get', path).expect(200)).body).toEqual(created.body);
    const upper = `/api/workspaces/${(created.body.id as string).toUpperCase()}`;
    expect((await bench.app.request('get', upper).expect(200)).body).toEqual(created.body);
  });

  it.each(['x'.repeat(100), '🥙'.repeat(100)])('take a name of 100 characters', async (name) => {
    const answer = await bench.app.request('post', '/api/workspaces').send({ name }).expect(201);
    expect(answer.body.name).toBe(name);
  });

  it('get a data key of their own', async () => {
    const ids = [await bench.createWorkspace(), await bench.createWorkspace()];
    const rows = await bench.app.database.dataSource.query(
      `SELECT workspace_id, state FROM workspace_data_keys WHERE workspace_id = ANY($1) ORDER BY 1`,
      [ids],
    );
    expect(rows).toEqual(ids.sort().map((id) => ({ workspace_id: id, state: 'active' })));
  });

  it('say what the token may do in each of them', async () => {
    const home = await bench.createWorkspace();
    const admin = await bench.app.tokenOf('admin', home);
    const made = await bench.app
      .request('post', '/api/workspaces', admin)
      .send({ name: 'Of an admin' })
      .expect(201);
    const { data } = await page('', admin);
    expect(data).toMatchObject([
      { id: made.body.id, role: 'owner', permissions: made.body.permissions },
      { id: home, role: 'admin' },
    ]);
    const [own, other] = data as (Page['data'][number] & { permissions: string[] })[];
    expect(own!.permissions).toContain('workspace:delete');
    expect(other!.permissions).not.toContain('workspace:delete');
    expect(other!.permissions).toContain('api-keys:write');
    for (const { id } of data) {
      const one = await bench.app.request('get', `/api/workspaces/${id}`, admin).expect(200);
      expect(one.body).toEqual(data.find((workspace) => workspace.id === id));
    }
    const scoped = await bench.app
      .request('post', bench.app.path('tokens', home))
      .send({ name: 'Narrow', role: 'admin', scopes: ['workspaces:list', 'api-keys:read'] })
      .expect(201);
    expect((await page('', scoped.body.token as string)).data).toMatchObject([
      { id: home, role: 'admin', permissions: ['workspaces:list', 'api-keys:read'] },
    ]);
  });

  it('are renamed', async () => {
    const id = await bench.createWorkspace('Before');
    const path = `/api/workspaces/${id}`;
    const renamed = await bench.app.request('patch', path).send({ name: ' After ' }).expect(200);
    expect(renamed.body).toMatchObject({ id, name: 'After' });
    expect(Date.parse(renamed.body.updatedAt as string)).toBeGreaterThan(
      Date.parse(renamed.body.createdAt as string),
    );
    expect((await bench.app.request('get', path).expect(200)).body).toEqual(renamed.body);
  });

  it('are listed newest first, page by page, each once', async () => {
    const home = await bench.createWorkspace('Home of the lister');
    const lister = await bench.app.tokenOf('admin', home);
    for (let number = 1; number <= 5; number += 1) {
      const body = { name: `Number ${number}` };
      await bench.app.request('post', '/api/workspaces', lister).send(body).expect(201);
    }
    const names: string[] = [];
    const sizes: number[] = [];
    let after = '';
    for (let more = true; more;) {
      const one = await page(`limit=2${after}`, lister);
      names.push(...one.data.map((workspace) => workspace.name));
      sizes.push(one.data.length);
      expect(one.object).toBe('list');
      expect(one.nextCursor).toBe(one.hasMore ? one.data.at(-1)!.id : null);
      more = one.hasMore;
      after = `&after=${one.nextCursor}`;
    }
    expect(sizes).toEqual([2, 2, 2]);
    expect(names).toEqual([
      'Number 5',
      'Number 4',
      'Number 3',
      'Number 2',
      'Number 1',
      'Home of the lister',
    ]);
  });

  it('have 20 on a page unless asked otherwise, and up to 100', async () => {
    const owner = await bench.app.tokenOf('admin', await bench.createWorkspace());
    for (let number = 1; number <= 21; number += 1) {
      await bench.app.request('post', '/api/workspaces', owner).send({ name: 'One' }).expect(201);
    }
    expect((await page('', owner)).data).toHaveLength(20);
    const all = await page('limit=100', owner);
    expect([all.data.length, all.hasMore, all.nextCursor]).toEqual([22, false, null]);
    expect(await page(`limit=1&after=${all.data.at(-1)!.id}`, owner)).toEqual({
      object: 'list',
      data: [],
      hasMore: false,
      nextCursor: null,
    });
  });

  it('are listed only to those who have access', async () => {
    const foreign = await bench.createWorkspace();
    const viewer = await bench.app.tokenOf('viewer', await bench.createWorkspace('Mine'));
    const seen = await page('limit=100', viewer);
    expect(seen.data.map((workspace) => workspace.name)).toEqual(['Mine']);
    expect((await page('limit=100')).data.map(({ id }) => id)).toContain(foreign);
  });

  it('make the token that created them their owner', async () => {
    const token = await bench.app.tokenOf('admin', await bench.createWorkspace());
    const created = await bench.app
      .request('post', '/api/workspaces', token)
      .send({ name: 'Own' })
      .expect(201);
    await bench.app.request('delete', `/api/workspaces/${created.body.id}`, token).expect(204);
  });

  it('leave nothing behind when they are deleted', async () => {
    const { app } = bench;
    const id = await bench.createWorkspace('To be deleted');
    const path = `/api/workspaces/${id}`;
    const keyId = await bench.saveKey('openai', {}, id);
    const token = await app.tokenOf('owner', id);
    const done = await bench.run({ provider: 'openai', model: 'gpt-4o-mini' }, id).expect(201);
    bench.upstream.script([{ status: 401 }]);
    await bench.run({ provider: 'openai', model: 'gpt-4o-mini' }, id).expect(424);
    await bench.keyWithStatus(keyId, 'invalid', id);
    const full = await tablesWith(app.database.dataSource, id);
    expect(full.map((table) => table.replace(/^public\.|_\d{4}_\d{2}$/g, ''))).toEqual([
      'access_token_grants',
      'access_tokens',
      'agent_executions',
      'api_keys',
      'attempt_outcomes',
      'audit_events',
      'audit_heads',
      'content_keys',
      'execution_attempts',
      'execution_outputs',
      'execution_requests',
      'workspace_data_keys',
      'workspaces',
    ]);

    const answer = await app.request('delete', path).expect(204);
    expect(answer.text).toBe('');
    // The trail of the server says that it was deleted, and by whom.
    expect(await tablesWith(app.database.dataSource, id)).toEqual(['public.audit_events']);
    expect(await tablesWith(app.database.dataSource, done.body.id as string)).toEqual([]);
    expect(await tablesWith(app.database.dataSource, keyId)).toEqual([]);
    expectProblem(await app.request('get', path, token), 'unauthenticated');
    expectProblem(await app.request('delete', path), 'not_found');
    expect((await page('limit=100')).data.map((workspace) => workspace.id)).not.toContain(id);
  });

  it('do not take a neighbour with them when they are deleted', async () => {
    const [doomed, kept] = [await bench.createWorkspace(), await bench.createWorkspace()];
    await bench.saveKey('openai', {}, kept);
    const run = { provider: 'openai', model: 'gpt-4o-mini' };
    const before = await bench.run(run, kept).expect(201);
    await bench.app.request('delete', `/api/workspaces/${doomed}`).expect(204);
    expect(await bench.read(before.body.id as string, kept)).toEqual(before.body);
    await bench.run(run, kept).expect(201);
  });
});
