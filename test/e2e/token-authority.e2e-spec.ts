import { TestApp } from '../support/test-app';

const DAY_MS = 86_400_000;
const ECHO = { provider: 'echo', model: 'echo', messages: [{ role: 'user', content: 'Hello' }] };

interface Created {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: string | null;
}

describe('the authority of an access token', () => {
  let app: TestApp;
  let node: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
    node = await TestApp.start({ nodeOf: app });
  });

  afterAll(async () => {
    await node.close();
    await app.close();
  });

  const ask = (body: object, token?: string, workspaceId?: string) =>
    app
      .request('post', app.path('tokens', workspaceId), token)
      .send({ name: 'A token', role: 'admin', ...body });
  const make = async (body: object, token?: string, workspaceId?: string) =>
    (await ask(body, token, workspaceId).expect(201)).body as Created;
  const makeWorkspace = async (token?: string) =>
    (await app.request('post', '/api/workspaces', token).send({ name: 'W' }).expect(201)).body
      .id as string;
  const works = async (token: string, at = app) =>
    (await at.request('get', '/api/workspaces', token)).status === 200;
  const rotate = (id: string, body: object = {}, token?: string, workspaceId?: string) =>
    app.request('post', app.path(`tokens/${id}/rotate`, workspaceId), token).send(body);
  const revoke = (id: string, token?: string, workspaceId?: string) =>
    app.request('delete', app.path(`tokens/${id}`, workspaceId), token);
  const idOf = async (name: string, workspaceId = app.workspaceId) => {
    const { body } = await app.request('get', app.path('tokens?limit=100', workspaceId));
    return (body.data as { id: string; name: string }[]).find((token) => token.name === name)!.id;
  };
  const run = (agentId: string, token: string) =>
    app.request('post', app.path('executions'), token).send({ ...ECHO, agentId });

  describe('is narrowed by scopes', () => {
    it('to exactly the permissions that are named', async () => {
      const { token, ...rest } = await make({ scopes: ['executions:run', 'executions:read'] });
      expect(rest).toMatchObject({ role: 'admin', scopes: ['executions:run', 'executions:read'] });
      await run('a', token).expect(201);
      await app.request('get', app.path('executions'), token).expect(200);
      for (const [method, path] of [
        ['get', app.path('api-keys')],
        ['post', app.path('api-keys')],
        ['post', app.path('api-keys/test')],
        ['get', app.path('tokens')],
        ['post', '/api/workspaces'],
        ['get', `/api/workspaces/${app.workspaceId}`],
      ] as const) {
        const answer = await app.request(method, path, token);
        expect([path, answer.status, answer.body.code]).toEqual([path, 403, 'forbidden']);
      }
    });

    it('so that keys are written without running, and run without writing', async () => {
      const writer = await make({ scopes: ['api-keys:write', 'api-keys:read'] });
      const runner = await make({ scopes: ['executions:run'] });
      const key = { provider: 'openai', apiKey: 'sk-test-0000000000000000' };
      await app.request('post', app.path('api-keys'), writer.token).send(key).expect(201);
      await run('a', writer.token).expect(403);
      await run('a', runner.token).expect(201);
      await app.request('post', app.path('api-keys'), runner.token).send(key).expect(403);
    });

    it('also in the workspaces that it makes', async () => {
      const { token } = await make({ scopes: ['workspaces:create', 'workspaces:list'] });
      const workspaceId = await makeWorkspace(token);
      await app.request('get', `/api/workspaces/${workspaceId}`, token).expect(403);
      await app.request('delete', `/api/workspaces/${workspaceId}`, token).expect(403);
    });

    it.each([
      [[], '/scopes'],
      [['everything'], '/scopes'],
      [['executions:run', 'executions:run'], '/scopes'],
      ['executions:run', '/scopes'],
      [null, '/scopes'],
      [['workspace:delete'], '/scopes'],
    ])('and refuses %j', async (scopes, pointer) => {
      const answer = await ask({ scopes }).expect(400);
      expect(answer.body.errors[0]).toMatchObject({ pointer });
    });
  });

  describe('is bound to an agent', () => {
    it('and runs and reads as that one only', async () => {
      const { token } = await make({ role: 'developer', agentId: 'bound' });
      const own = await run('bound', token).expect(201);
      const foreign = await run('other', app.ownerToken).expect(201);
      expect((await run('other', token).expect(403)).body.code).toBe('forbidden');
      const path = (id: unknown) => app.path(`executions/${String(id)}`);
      await app.request('get', path(own.body.id), token).expect(200);
      await app.request('get', path(foreign.body.id), token).expect(404);
      const list = await app.request('get', app.path('executions'), token).expect(200);
      expect(list.body.data.map((row: { id: string }) => row.id)).toEqual([own.body.id]);
      await app.request('get', app.path('executions?agentId=other'), token).expect(403);
    });

    it('and has no webhooks, which tell of every agent', async () => {
      const { token } = await make({ role: 'admin', agentId: 'bound' });
      const url = 'https://hooks.example.com/';
      const made = app.request('post', app.path('webhooks'), token).send({ url });
      expect((await made.expect(403)).body.code).toBe('forbidden');
      await app.request('get', app.path('webhooks'), token).expect(403);
      await app.request('get', app.path('webhooks')).expect(200);
    });
  });

  describe('is never more than that of its maker', () => {
    it.each([
      ['role', { role: 'developer' }, { role: 'admin' }, 403],
      ['scopes', { scopes: ['tokens:write', 'executions:run'] }, {}, 403],
      [
        'a scope',
        { scopes: ['tokens:write', 'executions:run'] },
        { scopes: ['executions:run', 'api-keys:write'] },
        403,
      ],
      [
        'own scopes',
        { scopes: ['tokens:write', 'executions:run'] },
        { scopes: ['executions:run'] },
        201,
      ],
      ['no agent', { agentId: 'one' }, {}, 403],
      ['another agent', { agentId: 'one' }, { agentId: 'two' }, 403],
      ['the same agent', { agentId: 'one' }, { agentId: 'one' }, 201],
    ])('%s', async (_name, maker, wanted, status) => {
      const { token } = await make(maker);
      await ask(wanted, token).expect(status);
    });

    it('and ends no later', async () => {
      const expiresAt = new Date(Date.now() + DAY_MS).toISOString();
      const { token } = await make({ expiresAt });
      expect((await make({}, token)).expiresAt).toBe(expiresAt);
      const later = new Date(Date.now() + 2 * DAY_MS).toISOString();
      expect((await ask({ expiresAt: later }, token).expect(403)).body.code).toBe('forbidden');
      await ask({ expiresAt }, token).expect(201);
    });

    it('also when it takes over another token by rotating it', async () => {
      const admin = await make({});
      const owner = await make({ role: 'owner' });
      await rotate(owner.id, {}, admin.token).expect(403);
      const scoped = await make({ scopes: ['tokens:write'] });
      await rotate(admin.id, {}, scoped.token).expect(403);
      const bound = await make({ agentId: 'one' });
      await rotate(admin.id, {}, bound.token).expect(403);
      const brief = await make({ expiresAt: new Date(Date.now() + DAY_MS).toISOString() });
      await rotate(admin.id, {}, brief.token).expect(403);
      // An equal, but with a workspace of its own.
      const rich = await make({ expiresAt: brief.expiresAt });
      await makeWorkspace(rich.token);
      await rotate(rich.id, {}, admin.token).expect(403);
      expect(await works(rich.token)).toBe(true);
      await rotate(brief.id, {}, admin.token).expect(201);
    });
  });

  describe('passes to a new secret', () => {
    it('at once, on every node, with what the token had', async () => {
      const old = await make({ role: 'developer', agentId: 'kept', scopes: ['executions:run'] });
      const { body } = await rotate(old.id).expect(201);
      expect(body).toMatchObject({ id: old.id, role: 'developer', agentId: 'kept' });
      expect(body).toMatchObject({ expiresAt: old.expiresAt, overlapEndsAt: null });
      await run('kept', body.token as string).expect(201);
      for (const at of [app, node]) {
        const path = at.path('executions/estimate');
        await at
          .request('post', path, old.token)
          .send({ ...ECHO })
          .expect(401);
        await at
          .request('post', path, body.token as string)
          .send({ ...ECHO })
          .expect(200);
      }
    });

    it('while the old one works until the overlap ends', async () => {
      const old = await make({});
      const { body } = await rotate(old.id, { overlapSeconds: 3_600 }).expect(201);
      expect(Date.parse(body.overlapEndsAt as string) - Date.now()).toBeGreaterThan(3_590_000);
      for (const at of [app, node]) {
        expect(await works(old.token, at)).toBe(true);
        expect(await works(body.token as string, at)).toBe(true);
      }
      await app.database.dataSource.query(
        `UPDATE access_tokens SET previous_expires_at = now() WHERE id = $1`,
        [old.id],
      );
      expect(await works(old.token)).toBe(false);
      expect(await works(body.token as string)).toBe(true);
    });

    it('and the old one can neither outlive its overlap nor take over again', async () => {
      const old = await make({});
      const { body } = await rotate(old.id, { overlapSeconds: 3_600 }).expect(201);
      const child = await make({}, old.token);
      expect(child.expiresAt).toBe(body.overlapEndsAt);
      await rotate(old.id, {}, old.token).expect(403);
      // The older secret ends when there is a newer old one.
      const next = await rotate(old.id, { overlapSeconds: 60 }, body.token as string).expect(201);
      expect(await works(old.token)).toBe(false);
      expect(await works(body.token as string)).toBe(true);
      expect(await works(next.body.token as string)).toBe(true);
    });

    it('but not of a token of another workspace or a missing one', async () => {
      const workspaceId = await makeWorkspace();
      const guest = await idOf('First owner', workspaceId);
      await rotate(guest, {}, undefined, workspaceId).expect(422);
      await rotate('0190d8f0-0000-7000-8000-000000000000').expect(404);
      for (const overlapSeconds of [-1, 1.5, 604_801, '60', null]) {
        await rotate(guest, { overlapSeconds }).expect(400);
      }
    });
  });

  describe('never leaves a workspace without an owner', () => {
    it('when the only owner of other workspaces is revoked: they pass on', async () => {
      const thief = await make({});
      const workspaceId = await makeWorkspace(thief.token);
      await app.request('get', `/api/workspaces/${workspaceId}`).expect(404);
      await revoke(thief.id).expect(204);
      expect(await works(thief.token)).toBe(false);
      await app.request('delete', `/api/workspaces/${workspaceId}`).expect(204);
    });

    it('but not to an admin, who would gain a workspace by revoking a peer', async () => {
      const [peer, admin] = [await make({}), await make({})];
      const workspaceId = await makeWorkspace(peer.token);
      const refused = await revoke(peer.id, admin.token).expect(409);
      expect(refused.body.code).toBe('conflict');
      await app.request('get', `/api/workspaces/${workspaceId}`, admin.token).expect(404);
      await revoke(peer.id).expect(204);
    });

    it('nor when it revokes itself', async () => {
      const admin = await make({});
      await makeWorkspace(admin.token);
      expect((await revoke(admin.id, admin.token).expect(409)).body.code).toBe('conflict');
      await revoke(admin.id).expect(204);
    });

    it('nor when the home of its only owner is deleted', async () => {
      const home = await makeWorkspace();
      const admin = await make({}, undefined, home);
      const other = await makeWorkspace(admin.token);
      expect((await app.request('delete', `/api/workspaces/${home}`).expect(409)).body.code).toBe(
        'conflict',
      );
      await app.request('delete', `/api/workspaces/${other}`, admin.token).expect(204);
      await app.request('delete', `/api/workspaces/${home}`).expect(204);
    });
  });

  describe('ends when the token is sent in a URL', () => {
    it.each([
      ['a query', (token: string) => `/api/workspaces?access_token=${token}`],
      ['a path', (token: string) => `/nowhere/${token}`],
      ['a public route', (token: string) => `/health/live?t=${token}`],
      ['disguise', (token: string) => `/docs?t=${token.replace('kr_', 'kr%5F')}`],
    ])('in %s', async (_name, url) => {
      const { token } = await make({});
      const answer = await node.request('get', url(token), null).expect(400);
      expect(answer.body).toMatchObject({ code: 'secret_in_url' });
      expect(answer.body.detail).toMatch(/was revoked/);
      expect(answer.text).not.toContain(token);
      expect(await works(token)).toBe(false);
    });

    it('but not when it is the only owner, who could never come back', async () => {
      const workspaceId = await makeWorkspace();
      const owner = await make({ role: 'owner' }, undefined, workspaceId);
      await revoke(await idOf('First owner', workspaceId), owner.token, workspaceId).expect(204);
      const answer = await app.request('get', `/api/providers?t=${owner.token}`, null).expect(400);
      expect(answer.body.detail).toMatch(/rotate it now/);
      expect(await works(owner.token)).toBe(true);
    });

    it('and a secret that was rotated away ends its overlap, no more', async () => {
      const old = await make({});
      const { body } = await rotate(old.id, { overlapSeconds: 60 }).expect(201);
      await app.request('get', `/api/providers?t=${old.token}`, null).expect(400);
      expect(await works(old.token)).toBe(false);
      expect(await works(body.token as string)).toBe(true);
    });

    it.each(['task-runner', 'risk-scoring-agent-of-desk-4', 'disk-2026'])(
      'while the innocent name %s is none',
      async (agentId) => {
        await app.request('get', app.path(`executions?agentId=${agentId}`)).expect(200);
      },
    );
  });
});
