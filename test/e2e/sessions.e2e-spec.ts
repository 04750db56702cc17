import { CryptoService } from '../../src/crypto';
import { Sessions } from '../../src/workspaces/sessions/sessions';
import { sendRaw } from '../support/raw-http';
import { TestApp } from '../support/test-app';

const CSRF = {
  'x-keyrun-csrf': '1',
  'sec-fetch-site': 'same-origin',
  'content-type': 'application/json',
};

describe('a session of the web UI', () => {
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

  const signIn = async (token = app.ownerToken, at = app) => {
    const answer = await at.request('post', '/api/session', token).expect(201);
    const [cookie] = answer.headers['set-cookie'] as unknown as string[];
    return { cookie: cookie!.split(';')[0]!, attributes: cookie!, body: answer.body };
  };
  const withCookie = (
    method: 'get' | 'post' | 'delete' | 'patch',
    path: string,
    cookie: string,
    at = app,
  ) => at.request(method, path, null).set('Cookie', cookie);
  const isSignedIn = async (cookie: string, at = app) =>
    (await withCookie('get', '/api/session', cookie, at)).status === 200;
  const makeToken = async (body: object = {}) =>
    (
      await app
        .request('post', app.path('tokens'))
        .send({ name: 'Person', role: 'admin', ...body })
        .expect(201)
    ).body as { id: string; token: string };

  it('is a cookie that no script and no other site can use', async () => {
    const { attributes, body } = await signIn();
    expect(attributes).toMatch(/^keyrun=kr_ses_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(body).toMatchObject({ workspaceId: app.workspaceId, role: 'owner', agentId: null });
    expect(body.permissions).toContain('workspace:delete');
    expect(JSON.stringify(body)).not.toContain('kr_ses_');
    const lastsMs = Date.parse(body.expiresAt as string) - Date.now();
    expect(lastsMs / 3_600_000).toBeCloseTo(12, 1);
  });

  it('is Secure and bound to the host when people come by https', async () => {
    const tls = await TestApp.start({ nodeOf: app, variables: { KEYRUN_BEHIND_TLS: 'true' } });
    const { attributes, cookie } = await signIn(app.ownerToken, tls);
    expect(attributes).toMatch(
      /^__Host-keyrun=kr_ses_[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(await isSignedIn(cookie, tls)).toBe(true);
    await withCookie('delete', '/api/session', cookie, tls)
      .set({ 'x-keyrun-csrf': '1', origin: tls.url.replace('http:', 'https:') })
      .expect(204);
    await tls.close();
  });

  it('is not begun over plain HTTP from another machine', async () => {
    const open = await TestApp.start({
      nodeOf: app,
      variables: { KEYRUN_PUBLIC_HOSTS: 'k.example' },
    });
    const answer = await open.request('post', '/api/session').set('Host', 'k.example').expect(422);
    expect(answer.headers).not.toHaveProperty('set-cookie');
    await open.close();
  });

  it('acts as its token, on every node, and is stored as a keyed digest', async () => {
    const { token } = await makeToken({ role: 'developer', agentId: 'one' });
    const { cookie, body } = await signIn(token);
    expect(body).toMatchObject({ role: 'developer', agentId: 'one' });
    for (const at of [app, node]) {
      const me = await withCookie('get', '/api/session', cookie, at).expect(200);
      expect(me.body).toEqual(body);
      await withCookie('get', app.path('api-keys'), cookie, at).expect(200);
      await withCookie('get', app.path('tokens'), cookie, at).expect(403);
    }
    const rows = await app.database.dataSource.query<{ digest: Buffer }[]>(
      'SELECT digest FROM sessions',
    );
    expect(rows.every(({ digest }) => digest.length === 32)).toBe(true);
    expect(JSON.stringify(rows)).not.toContain(cookie);
  });

  it('that is over takes its cookie back, so that a token can be sent again', async () => {
    const { cookie } = await signIn();
    await withCookie('delete', '/api/session', cookie).set(CSRF).expect(204);
    const refused = await withCookie('get', '/api/session', cookie).expect(401);
    expect(refused.headers['set-cookie']).toEqual([
      expect.stringMatching(/^keyrun=; Path=\/; Expires=Thu, 01 Jan 1970 .*HttpOnly/),
    ]);
    const { headers } = await app.request('get', '/api/session', 'kr_pat_wrong').expect(401);
    expect(headers).not.toHaveProperty('set-cookie');
  });

  it('changes things from a page of ours only', async () => {
    const { cookie } = await signIn();
    const rename = (headers: Record<string, string>) => {
      const request = withCookie('patch', `/api/workspaces/${app.workspaceId}`, cookie);
      return request.set(headers).send('{"name":"default"}');
    };
    const unsaid = { 'x-keyrun-csrf': '1', 'content-type': 'application/json' };
    await rename(CSRF).expect(200);
    await rename({ ...unsaid, origin: app.url }).expect(200);
    const refused: Record<string, string>[] = [
      { ...CSRF, 'x-keyrun-csrf': '' },
      { ...CSRF, 'x-keyrun-csrf': '0' },
      { ...CSRF, 'sec-fetch-site': 'cross-site' },
      { ...CSRF, 'sec-fetch-site': 'same-site' },
      { ...CSRF, 'sec-fetch-site': 'none' },
      { ...CSRF, 'sec-fetch-site': 'cross-site', origin: app.url },
      unsaid,
      { ...unsaid, origin: 'null' },
      { ...unsaid, origin: 'https://evil.example' },
      { ...unsaid, origin: app.url.replace('127.0.0.1', 'localhost') },
      { 'content-type': 'application/json' },
    ];
    for (const headers of refused) {
      const answer = await rename(headers);
      expect([headers, answer.status, answer.body.code]).toEqual([
        headers,
        403,
        'cross_site_request',
      ]);
    }
    // What a form of another site can send.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      await rename({ ...CSRF, 'content-type': type }).expect(415);
    }
    const form = withCookie('post', app.path('executions'), cookie);
    await form.set({ 'x-keyrun-csrf': '1', 'sec-fetch-site': 'same-origin' }).expect(403);
    await withCookie('delete', '/api/session', cookie).expect(403);
    expect(await isSignedIn(cookie)).toBe(true);
  });

  it('asks nothing of a request that only reads, or that sends a token', async () => {
    const { cookie } = await signIn();
    await withCookie('get', app.path('api-keys'), cookie).expect(200);
    await app
      .request('patch', `/api/workspaces/${app.workspaceId}`)
      .send({ name: 'default' })
      .expect(200);
  });

  it('is refused beside a token, whoever the two are', async () => {
    const { cookie } = await signIn();
    const { token } = await makeToken();
    for (const path of ['/api/session', app.path('api-keys')]) {
      const answer = await app.request('get', path, token).set('Cookie', cookie).expect(400);
      expect(answer.body.code).toBe('ambiguous_credentials');
    }
    await app.request('get', '/api/session').set('Cookie', 'theme=dark; keyrun=old').expect(200);
  });

  it.each([
    'keyrun=',
    'keyrun=kr_ses_x',
    `keyrun=kr_ses_${'A'.repeat(43)}`,
    `__Host-keyrun=kr_ses_${'A'.repeat(43)}`,
    'keyrun=%00',
    `keyrun=${'x'.repeat(5_000)}`,
    '=;;==;keyrun',
  ])('is not %s', async (cookie) => {
    await withCookie('get', '/api/session', cookie).expect(401);
  });

  it('is refused in a URL', async () => {
    const { cookie } = await signIn();
    const answer = await app.request('get', `/api/providers?${cookie}`, null).expect(400);
    expect(answer.body.code).toBe('secret_in_url');
  });

  it('ends when it is signed out, on every node, and its cookie goes', async () => {
    const { cookie } = await signIn();
    const other = await signIn();
    const answer = await withCookie('delete', '/api/session', cookie).set(CSRF).expect(204);
    expect((answer.headers['set-cookie'] as unknown as string[])[0]).toMatch(/^keyrun=;.*1970/);
    for (const at of [app, node]) expect(await isSignedIn(cookie, at)).toBe(false);
    expect(await isSignedIn(other.cookie)).toBe(true);
    await app.request('delete', '/api/session').expect(404);
  });

  it('ends with its token: revoked, rotated or expired', async () => {
    const path = (id: string, rest = '') => app.path(`tokens/${id}${rest}`);
    const [revoked, rotated, expired] = [await makeToken(), await makeToken(), await makeToken()];
    const cookies = [];
    for (const { token } of [revoked, rotated, expired]) cookies.push((await signIn(token)).cookie);
    await app.request('delete', path(revoked.id)).expect(204);
    await app.request('post', path(rotated.id, '/rotate')).send({ overlapSeconds: 60 }).expect(201);
    await app.database.dataSource.query(
      'UPDATE access_tokens SET expires_at = now() WHERE id = $1',
      [expired.id],
    );
    for (const cookie of cookies) {
      for (const at of [app, node]) expect(await isSignedIn(cookie, at)).toBe(false);
    }
  });

  it('ends when nobody uses it for an hour, and in any case after its time', async () => {
    const [used, idle, over] = [await signIn(), await signIn(), await signIn()];
    const change = async (cookie: string, sql: string) => {
      const { id } = (await idOf(cookie))!;
      await app.database.dataSource.query(`UPDATE sessions SET ${sql} WHERE id = $1`, [id]);
    };
    await change(used.cookie, `last_used_at = now() - interval '59 minutes'`);
    await change(idle.cookie, `last_used_at = now() - interval '60 minutes'`);
    await change(over.cookie, 'expires_at = now()');
    expect(await isSignedIn(idle.cookie)).toBe(false);
    expect(await isSignedIn(over.cookie)).toBe(false);
    expect(await isSignedIn(used.cookie)).toBe(true);
    const [row] = await app.database.dataSource.query<{ isFresh: boolean }[]>(
      `SELECT last_used_at > now() - interval '1 minute' AS "isFresh" FROM sessions WHERE id = $1`,
      [(await idOf(used.cookie))!.id],
    );
    expect(row!.isFresh).toBe(true);
    await app.app.get(Sessions, { strict: false }).forgetEnded();
    const left = [used, idle, over].map(async ({ cookie }) => (await idOf(cookie)) !== undefined);
    expect(await Promise.all(left)).toEqual([true, false, false]);
  });

  it('neither renews itself nor makes what the secret behind it could not', async () => {
    const old = await makeToken();
    const overlap = await app
      .request('post', app.path(`tokens/${old.id}/rotate`))
      .send({ overlapSeconds: 3_600 })
      .expect(201);
    const { cookie, body } = await signIn(old.token);
    expect(body.expiresAt).toBe(overlap.body.overlapEndsAt);
    await withCookie('post', '/api/session', cookie).set(CSRF).expect(422);
    const make = (of: string) =>
      withCookie('post', app.path('tokens'), of).set(CSRF).send({ name: 'Child', role: 'viewer' });
    expect((await make(cookie).expect(201)).body.expiresAt).toBe(overlap.body.overlapEndsAt);
    const free = await signIn();
    const days =
      Date.parse((await make(free.cookie).expect(201)).body.expiresAt as string) - Date.now();
    expect(days / 86_400_000).toBeGreaterThan(89);
  });

  it('takes the host of the connection for the origin, not what a proxy header says', async () => {
    const { cookie } = await signIn();
    const answer = await sendRaw(
      app,
      [
        'DELETE /api/session HTTP/1.1',
        `Host: ${new URL(app.url).host}`,
        `Cookie: ${cookie}`,
        'X-Keyrun-Csrf: 1',
        'Origin: http://evil.example',
        'X-Forwarded-Host: evil.example',
        'Connection: close',
        '\r\n',
      ].join('\r\n'),
    );
    expect(answer.status).toBe(403);
  });

  async function idOf(cookie: string): Promise<{ id: string } | undefined> {
    const digest = await app.app
      .get(CryptoService, { strict: false })
      .digestToken(cookie.replace('keyrun=', ''));
    const [row] = await app.database.dataSource.query<{ id: string }[]>(
      'SELECT id FROM sessions WHERE digest = $1',
      [digest],
    );
    return row;
  }
});
