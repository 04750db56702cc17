import { connect } from 'node:net';
import { rowCounts } from '../support/database-contents';
import { expectProblem, faultyFields, problemOf } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const LISTS = ['workspaces', 'tokens', 'api-keys', 'executions'] as const;

const BAD_PAGES: readonly (readonly [query: string, pointer: string])[] = [
  ['limit=0', '?limit'],
  ['limit=101', '?limit'],
  ['limit=-1', '?limit'],
  ['limit=1.5', '?limit'],
  ['limit=abc', '?limit'],
  ['limit=', '?limit'],
  ['limit=1e999', '?limit'],
  ['limit=1e1', '?limit'],
  ['limit=0x10', '?limit'],
  ['limit=+5', '?limit'],
  ['limit=%2B5', '?limit'],
  ['limit=05', '?limit'],
  ['limit=1&limit=2', '?limit'],
  ['limit=5&limit=5', '?limit'],
  ['limit[]=5', '?limit[]'],
  ['after=abc', '?after'],
  ['after=', '?after'],
  ['after=%00', '?after'],
  ['after=0190d8f0-0000-7000-8000-00000000000', '?after'],
  [
    'after=0190d8f0-0000-7000-8000-000000000000&after=0190d8f0-0000-7000-8000-000000000000',
    '?after',
  ],
  ['before=0190d8f0-0000-7000-8000-000000000000', '?before'],
  ['colour=red', '?colour'],
  ['__proto__=x', '?__proto__'],
  ['constructor=x', '?constructor'],
];

const BAD_FILTERS: readonly (readonly [query: string, pointer: string])[] = [
  ['agentId=', '?agentId'],
  ['agentId=a%00b', '?agentId'],
  ['agentId=a&agentId=b', '?agentId'],
  [`agentId=${'x'.repeat(201)}`, '?agentId'],
  ['status=done', '?status'],
  ['status=failed&status=completed', '?status'],
  ['provider=a%00b', '?provider'],
  ['model=%00', '?model'],
  ['apiKeyId=x', '?apiKeyId'],
  ['from=yesterday', '?from'],
  ['from=2026-02-30', '?from'],
  ['from=2026-W05-1', '?from'],
  ['from=2026-123', '?from'],
  ['from=20260131', '?from'],
  ['from=2026-01-31T12', '?from'],
  ['from=2026-01-31T12:00:00', '?from'],
  ['from=-2026-01-31', '?from'],
  ['to=2026-13-01', '?to'],
  ['to=1769860800000', '?to'],
  ['to=2026-01-31T24:00:01Z', '?to'],
];

const BAD_TOKENS: readonly (readonly [string, unknown])[] = [
  ['name', undefined],
  ['name', ''],
  ['name', null],
  ['name', 'x'.repeat(101)],
  ['name', 'a\0b'],
  ['name', '\ud800'],
  ['role', undefined],
  ['role', 'root'],
  ['role', 'Owner'],
  ['role', ['owner']],
  ['role', '__proto__'],
  ['expiresAt', null],
  ['expiresAt', 'tomorrow'],
  ['expiresAt', 1_900_000_000_000],
  ['expiresAt', '2020-01-01T00:00:00Z'],
  ['expiresAt', '9999-12-31T23:59:59Z'],
  ['expiresAt', '2027-W05-1'],
  ['expiresAt', { toString: 'x' }],
  ['expiresAt', ['2026-12-31']],
  ['digest', 'x'],
  ['token', 'kr_pat_x'],
];

const BAD_NAMES = [
  undefined,
  null,
  '',
  '   ',
  7,
  ['x'],
  { toString: 'x' },
  'x'.repeat(101),
  'a\0b',
  'a\nb',
  '\udfff',
  // Shorter than it looks to a library that counts a variation selector as nothing.
  '\u2764\ufe0f'.repeat(60),
];

describe('a request with bad parts', () => {
  let app: TestApp;
  let before: Record<string, number>;

  beforeAll(async () => {
    app = await TestApp.start();
    before = await rowCounts(app.database.dataSource);
  });

  afterEach(async () => {
    expect(await rowCounts(app.database.dataSource)).toEqual(before);
  });

  afterAll(async () => {
    await app.close();
  });

  const listPath = (list: (typeof LISTS)[number]) =>
    list === 'workspaces' ? '/api/workspaces' : app.path(list);

  it.each(BAD_PAGES)('names what is wrong in the query %s', async (query, pointer) => {
    for (const list of LISTS) {
      const answer = await app.request('get', `${listPath(list)}?${query}`);
      expect(faultyFields(answer)).toEqual([pointer]);
    }
  });

  it.each(BAD_FILTERS)('names what is wrong in the filter %s', async (query, pointer) => {
    const answer = await app.request('get', `${app.path('executions')}?${query}`);
    expect(faultyFields(answer)).toEqual([pointer]);
  });

  it.each(BAD_TOKENS)('names the field %s of a token: %j', async (field, value) => {
    const body = { name: 'A token', role: 'viewer', [field]: value };
    const answer = await app.request('post', app.path('tokens')).send(body);
    expect(faultyFields(answer)).toEqual([`/${field}`]);
  });

  it.each([
    ['storeContent', 'some'],
    ['storeContent', true],
    ['onDisconnect', null],
    ['onDisconnect', 'wait'],
    ['storeAtProvider', 'yes'],
    ['storeAtProvider', null],
    ['role', 'owner'],
  ])('refuses the workspace setting %s: %j', async (field, value) => {
    const own = `/api/workspaces/${app.workspaceId}`;
    const before = (await app.request('get', own).expect(200)).body;
    const answer = await app.request('patch', own).send({ name: 'default', [field]: value });
    expect(faultyFields(answer)).toEqual([`/${field}`]);
    expect((await app.request('get', own).expect(200)).body).toEqual(before);
  });

  it.each(BAD_NAMES.map((name) => [JSON.stringify(name) as string | undefined, name]))(
    'refuses the workspace name %s',
    async (_shown, name) => {
      const own = `/api/workspaces/${app.workspaceId}`;
      const created = await app.request('post', '/api/workspaces').send({ name });
      expect(faultyFields(created)).toEqual(['/name']);
      const changed = await app.request('patch', own).send({ name });
      expectProblem(changed, 'validation_failed');
      // A change without a name changes nothing, so it is refused as a whole.
      if (name !== undefined) expect(faultyFields(changed)).toEqual(['/name']);
      expect((await app.request('get', own).expect(200)).body.name).toBe('default');
    },
  );

  it.each(['id', 'ownerToken', 'createdAt', 'Name'])(
    'knows no workspace field %s',
    async (field) => {
      const answer = await app.request('post', '/api/workspaces').send({ name: 'x', [field]: 'x' });
      expect(faultyFields(answer)).toEqual([`/${field}`]);
    },
  );

  it.each([
    'x',
    '%00',
    '..%2f..%2f',
    "'%20OR%201=1--",
    '0190d8f0-0000-7000-8000-000000000000',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ])('finds nothing under the id %s', async (id) => {
    for (const path of [`api-keys/${id}`, `executions/${id}`]) {
      expectProblem(await app.request('get', app.path(path)), 'not_found');
    }
    expectProblem(await app.request('delete', app.path(`tokens/${id}`)), 'not_found');
    expectProblem(await app.request('delete', app.path(`api-keys/${id}`)), 'not_found');
    const change = app.request('patch', app.path(`api-keys/${id}`));
    expectProblem(await change.send({ label: 'x' }), 'not_found');
    const secret = app.request('put', app.path(`api-keys/${id}/secret`));
    expectProblem(await secret.send({ apiKey: 'sk-test-00000000' }), 'not_found');
    const test = app.request('post', app.path('api-keys/test')).send({ keyId: id });
    expect(['not_found', 'validation_failed']).toContain(problemOf(await test).code);
  });

  it('leads whoever opens the bare address to the reference', async () => {
    const answer = await app.request('get', '/', null);
    expect([answer.status, answer.headers.location]).toEqual([302, '/docs']);
  });

  it.each([
    ...['/api', '/api/nothing', '/api/workspaces/x/y/z', '/api/%2e%2e/etc/passwd'],
    ...['/nothing', '/favicon.ico', '/healthy', '/v1/chat/completions'],
  ])('answers a problem for the unknown path %s', async (path) => {
    for (const method of ['get', 'post', 'delete'] as const) {
      expectProblem(await app.request(method, path, null), 'not_found');
    }
  });

  it.each(['%', '%E0%A4%A', '%C3%28'])('does not stumble over the path part %s', async (part) => {
    for (const path of [
      `/api/workspaces/${part}`,
      app.path(`api-keys/${part}`),
      `/api/workspaces/${part}/executions`,
    ]) {
      expectProblem(await raw(app, `GET ${path} HTTP/1.1`), 'not_found');
    }
  });

  it('answers with the headers that keep answers out of caches, frames and sniffers', async () => {
    const answer = await app.request('get', '/api/workspaces');
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    });
    expect(answer.headers).not.toHaveProperty('x-powered-by');
  });
});

/** A request line exactly as written; clients would repair it. */
async function raw(app: TestApp, requestLine: string) {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  socket.end(
    `${requestLine}\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${app.ownerToken}\r\n\r\n`,
  );
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head = '', text = ''] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n');
  const lines = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.slice(1).map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { status: Number(lines[0]!.split(' ')[1]), headers, text } as Parameters<
    typeof problemOf
  >[0];
}
