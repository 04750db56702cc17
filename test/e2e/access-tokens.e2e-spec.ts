import { ACCESS_TOKEN_PATTERN } from '../../src/workspaces';
import { tablesWith } from '../support/database-contents';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const DAY_MS = 86_400_000;

/** One of our form that nobody has: a real one would be revoked when it is seen in a URL. */
const UNKNOWN_TOKEN = `kr_pat_${'0'.repeat(36)}`;

describe('access tokens', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });

  afterAll(async () => {
    await app.close();
  });

  const createWorkspace = async (): Promise<string> => {
    const answer = await app.request('post', '/api/workspaces').send({ name: 'Tokens' });
    return answer.body.id as string;
  };
  const create = async (body: object, token?: string, workspaceId?: string) => {
    const path = app.path('tokens', workspaceId);
    return app.request('post', path, token).send({ name: 'A token', role: 'viewer', ...body });
  };
  const revoke = async (id: string, token?: string, workspaceId?: string) =>
    app.request('delete', app.path(`tokens/${id}`, workspaceId), token);

  it('are shown once, with a pattern that secret scanners know', async () => {
    const created = await create({ name: 'Once', role: 'developer' });
    expect(created.status).toBe(201);
    const { token, ...rest } = created.body as { token: string };
    expect(token).toMatch(ACCESS_TOKEN_PATTERN);
    expect(rest).toEqual({
      id: expect.any(String),
      name: 'Once',
      role: 'developer',
      last4: token.slice(-4),
      homeWorkspaceId: app.workspaceId,
      createdAt: expect.any(String),
      expiresAt: expect.any(String),
      lastUsedAt: null,
      scopes: null,
      agentId: null,
      overlapEndsAt: null,
    });
    const list = await app.request('get', app.path('tokens?limit=100')).expect(200);
    expect(list.body.data).toContainEqual(rest);
    expect(list.text).not.toContain(token);
    expect(list.text).not.toMatch(/kr_pat_|digest/);
  });

  it('are stored as a digest only', async () => {
    const { body } = await create({});
    const token = body.token as string;
    const { dataSource } = app.database;
    for (const part of [token, token.slice('kr_pat_'.length), token.slice(-12)]) {
      expect(await tablesWith(dataSource, part)).toEqual([]);
    }
    const [row] = await dataSource.query<{ digest: Buffer }[]>(
      `SELECT digest FROM access_tokens WHERE id = $1`,
      [body.id],
    );
    expect(row!.digest).toHaveLength(32);
  });

  it('expire in 90 days unless told otherwise', async () => {
    const { body } = await create({});
    const days = (Date.parse(body.expiresAt as string) - Date.now()) / DAY_MS;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThanOrEqual(90);
    const expiresAt = new Date(Date.now() + DAY_MS).toISOString();
    expect((await create({ expiresAt })).body.expiresAt).toBe(expiresAt);
  });

  it('are listed newest first, page by page', async () => {
    const workspaceId = await createWorkspace();
    const ids: string[] = [];
    for (let number = 0; number < 3; number += 1) {
      ids.push((await create({}, undefined, workspaceId)).body.id as string);
    }
    const first = await app.request('get', app.path('tokens?limit=2', workspaceId)).expect(200);
    expect(first.body).toMatchObject({ object: 'list', hasMore: true, nextCursor: ids[1] });
    expect(first.body.data.map((token: { id: string }) => token.id)).toEqual([ids[2], ids[1]]);
    const rest = app.path(`tokens?limit=2&after=${ids[1]}`, workspaceId);
    const second = await app.request('get', rest).expect(200);
    expect(second.body).toMatchObject({ hasMore: false, nextCursor: null });
    // The last one is the token that created the workspace.
    expect(second.body.data).toMatchObject([
      { id: ids[0] },
      { name: 'First owner', role: 'owner' },
    ]);
  });

  it('show when they were used last', async () => {
    const { body } = await create({});
    await app.request('get', app.path('executions'), body.token as string).expect(200);
    const used = async () => {
      const list = await app.request('get', app.path('tokens?limit=100')).expect(200);
      const tokens = list.body.data as { id: string; lastUsedAt: string | null }[];
      return tokens.find((token) => token.id === body.id)!.lastUsedAt;
    };
    // Noted beside the request; each look is a round trip.
    let lastUsedAt = await used();
    for (let look = 0; look < 100 && lastUsedAt === null; look += 1) lastUsedAt = await used();
    expect(Date.now() - Date.parse(lastUsedAt!)).toBeLessThan(60_000);
  });

  it.each([
    ['none', null],
    ['an empty one', ''],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['only the scheme', 'Bearer'],
    ['no scheme', 'kr_pat_000000000000000000000000000000000000'],
    ['another vendor', 'Bearer sk-test-000000000000000000000000000000000000'],
    ['too short', 'Bearer kr_pat_00000000000000000000000000000000000'],
    ['too long', 'Bearer kr_pat_0000000000000000000000000000000000000'],
    ['a bad checksum', 'Bearer kr_pat_000000000000000000000000000000000000'],
    ['a foreign character', 'Bearer kr_pat_00000000000000000000000000000000000-'],
    ['two tokens', 'Bearer kr_pat_a kr_pat_b'],
    ['a very long one', `Bearer kr_pat_${'0'.repeat(8_000)}`],
  ])('refuse with 401: %s', async (_name, authorization) => {
    for (const path of ['/api/workspaces', app.path('executions'), '/api/workspaces/nonsense']) {
      const request = app.request('get', path, null);
      const answer = await (authorization === null
        ? request
        : request.set('Authorization', authorization));
      expectProblem(answer, 'unauthenticated');
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="keyrun"');
      expect(answer.text).not.toContain('kr_pat_0');
    }
  });

  it('refuse a well-formed token that nobody issued, and one of another server', async () => {
    const stranger = await TestApp.start();
    const answer = await app.request('get', '/api/workspaces', stranger.ownerToken);
    await stranger.close();
    expectProblem(answer, 'unauthenticated');
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="keyrun"');
  });

  it('stop working when they expire, from the next request on', async () => {
    const { body } = await create({});
    const use = () => app.request('get', '/api/workspaces', body.token as string);
    expect((await use()).status).toBe(200);
    await app.database.dataSource.query(
      `UPDATE access_tokens SET expires_at = now() - interval '1 second' WHERE id = $1`,
      [body.id],
    );
    const refused = await use();
    expectProblem(refused, 'unauthenticated');
    expect(refused.headers['www-authenticate']).toBe('Bearer realm="keyrun"');
  });

  it('stop working when they are revoked, from the next request on', async () => {
    const { body } = await create({ role: 'admin' });
    const use = () => app.request('get', '/api/workspaces', body.token as string);
    expect((await use()).status).toBe(200);
    const revoked = await revoke(body.id as string);
    expect([revoked.status, revoked.text]).toEqual([204, '']);
    expectProblem(await use(), 'unauthenticated');
    expectProblem(await revoke(body.id as string), 'not_found');
    const left = await tablesWith(app.database.dataSource, body.id as string);
    expect(left).toEqual(['public.audit_events', 'public.rate_limits']);
  });

  it('cannot be planted with a plain hash in the database', async () => {
    const { body } = await create({});
    const [victim, ghost] = [body.token as string, await anotherValidToken(app)];
    await app.database.dataSource.query(
      `UPDATE access_tokens SET digest = sha256($1::bytea) WHERE id = $2`,
      [Buffer.from(ghost), body.id],
    );
    for (const token of [victim, ghost]) {
      expectProblem(await app.request('get', '/api/workspaces', token), 'unauthenticated');
    }
  });

  it('grant at most the role of the one who makes them', async () => {
    const admin = await app.tokenOf('admin');
    for (const role of ['viewer', 'developer', 'admin']) {
      expect((await create({ role }, admin)).status).toBe(201);
    }
    expectProblem(await create({ role: 'owner' }, admin), 'forbidden');
    const owner = (await create({ role: 'owner' })).body as { id: string };
    expectProblem(await revoke(owner.id, admin), 'forbidden');
  });

  it('cannot all be lost: the last owner that works stays', async () => {
    const workspaceId = await createWorkspace();
    const second = await create({ role: 'owner' }, undefined, workspaceId);
    const { id, token } = second.body as { id: string; token: string };
    const list = await app.request('get', app.path('tokens', workspaceId)).expect(200);
    const first = (list.body.data as { id: string; name: string }[]).find(
      ({ name }) => name === 'First owner',
    )!;
    expect((await revoke(first.id, token, workspaceId)).status).toBe(204);
    expectProblem(await revoke(id, token, workspaceId), 'conflict');
    await app.request('get', app.path('tokens', workspaceId), token).expect(200);
    // An expired owner is none.
    const third = await create({ role: 'owner' }, token, workspaceId);
    await app.database.dataSource.query(
      `UPDATE access_tokens SET expires_at = now() - interval '1 second' WHERE id = $1`,
      [third.body.id],
    );
    expectProblem(await revoke(id, token, workspaceId), 'conflict');
    expect((await revoke(third.body.id as string, token, workspaceId)).status).toBe(204);
  });

  it('cannot all be lost by two owners that revoke each other at the same moment', async () => {
    const workspaceId = await createWorkspace();
    const [left, right] = [
      (await create({ role: 'owner' }, undefined, workspaceId)).body,
      (await create({ role: 'owner' }, undefined, workspaceId)).body,
    ] as [{ id: string; token: string }, { id: string; token: string }];
    const list = await app.request('get', app.path('tokens', workspaceId)).expect(200);
    const first = (list.body.data as { id: string; name: string }[]).at(-1)!;
    await revoke(first.id, left.token, workspaceId);
    // Their rows are held until both requests wait for something, so that both have looked before either acts.
    const { dataSource } = app.database;
    const holder = dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query(`SELECT 1 FROM access_token_grants WHERE workspace_id = $1 FOR UPDATE`, [
      workspaceId,
    ]);
    const both = Promise.all([
      revoke(right.id, left.token, workspaceId),
      revoke(left.id, right.token, workspaceId),
    ]);
    for (let waiting = 0; waiting < 2;) {
      const [row] = await dataSource.query<{ waiting: number }[]>(`
        SELECT count(*)::integer AS waiting FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      waiting = row!.waiting;
    }
    await holder.commitTransaction();
    await holder.release();
    const answers = await both;
    expect(answers.filter((answer) => answer.status === 204)).toHaveLength(1);
    const [row] = await app.database.dataSource.query<{ owners: number }[]>(
      `SELECT count(*)::integer AS owners FROM access_token_grants
        WHERE workspace_id = $1 AND role = 'owner'`,
      [workspaceId],
    );
    expect(row!.owners).toBe(1);
  });

  it.each(['get', 'delete'] as const)(
    'are refused in a URL, and so are keys (%s)',
    async (method) => {
      for (const query of [
        `token=${UNKNOWN_TOKEN}`,
        `access_token=${UNKNOWN_TOKEN}`,
        'api_key=sk-test-000000000000000000000000',
        'agentId=sk-ant-test-0000000000000000000',
      ]) {
        const answer = await app.request(method, `${app.path('api-keys')}?${query}`);
        expectProblem(answer, 'secret_in_url');
        expect(answer.text).not.toMatch(/kr_pat_[0-9A-Za-z]{36}|sk-(test|ant)/);
        const anonymous = await app.request(method, `${app.path('api-keys')}?${query}`, null);
        expectProblem(anonymous, 'secret_in_url');
      }
    },
  );

  it.each(['task-runner', 'risk-scoring-agent-of-desk-4', 'disk-2026', 'sk-small'])(
    'are not seen in the innocent name %s',
    async (agentId) => {
      await app.request('get', app.path(`executions?agentId=${agentId}`)).expect(200);
    },
  );
});

/** A token with a valid checksum that is stored nowhere any more. */
async function anotherValidToken(app: TestApp): Promise<string> {
  const path = app.path('tokens');
  const { body } = await app.request('post', path).send({ name: 'Ghost', role: 'viewer' });
  await app.request('delete', `${path}/${body.id}`).expect(204);
  return body.token as string;
}
