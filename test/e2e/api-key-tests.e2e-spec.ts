import { type AIProvider, ProviderError } from '../../src/ai-providers';
import { ApiKeyTests } from '../../src/api-keys/api-key-tests';
import { freePort } from '../../src/database/embedded/free-port';
import { rowCounts } from '../support/database-contents';
import { FaultyUpstream } from '../support/faulty-upstream';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const GOOD = 'sk-test-good-000000000000';
const BAD = 'sk-test-bad-0000000000000';

describe('testing an API key', () => {
  let upstream: FaultyUpstream;
  let deadHost: string;
  let app: TestApp;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start({ acceptedKeys: new Set([GOOD]) });
    deadHost = `127.0.0.1:${await freePort()}`;
    const hosts = `${upstream.host},${deadHost}`;
    app = await TestApp.start({ variables: { KEYRUN_ALLOWED_HOSTS: hosts } });
  });

  afterAll(async () => {
    await app.close();
    await upstream.close();
  });

  const test = (body: object) => app.request('post', app.path('api-keys/test')).send(body);
  const save = async (provider: string, apiKey: string, baseUrl = baseUrlOf(provider)) => {
    const request = app.request('post', app.path('api-keys')).send({ provider, apiKey, baseUrl });
    return (await request.expect(201)).body.id as string;
  };
  const read = async (id: string) =>
    (await app.request('get', app.path(`api-keys/${id}`)).expect(200)).body;
  const baseUrlOf = (provider: string) =>
    provider === 'openai' ? upstream.openAiBaseUrl : upstream.url;

  describe.each([
    ['openai', 'gpt-upstream'],
    ['anthropic', 'claude-upstream'],
  ])('of %s', (provider, model) => {
    it('says ok for one that is not saved, by one call that costs nothing', async () => {
      const rows = await rowCounts(app.database.dataSource);
      const before = upstream.requests.length;
      const answer = await test({ provider, apiKey: GOOD, baseUrl: baseUrlOf(provider) }).expect(
        200,
      );
      expect(answer.body).toEqual({
        ok: true,
        category: 'ok',
        message: 'The provider accepted the key.',
        latencyMs: expect.any(Number),
        model,
      });
      expect(Number.isInteger(answer.body.latencyMs)).toBe(true);
      const calls = upstream.requests.slice(before);
      expect(calls.map((call) => `${call.method} ${call.path.replace(/\?.*/, '')}`)).toEqual([
        'GET /v1/models',
      ]);
      expect(upstream.paidCalls).toEqual([]);
      expect(await rowCounts(app.database.dataSource)).toEqual(rows);
    });

    it('says credential_invalid for a wrong one, without repeating what the vendor said', async () => {
      const answer = await test({ provider, apiKey: BAD, baseUrl: baseUrlOf(provider) }).expect(
        200,
      );
      expect(answer.body).toMatchObject({ ok: false, category: 'credential_invalid', model: null });
      expect(answer.text).not.toContain(BAD);
      expect(answer.text).not.toMatch(/Incorrect API key|invalid x-api-key/);
    });

    it('keeps the result with a saved one', async () => {
      const good = await save(provider, GOOD);
      expect((await test({ keyId: good }).expect(200)).body).toMatchObject({ ok: true, model });
      const tested = await read(good);
      expect(tested.status).toBe('active');
      expect(Date.now() - Date.parse(tested.lastTestedAt as string)).toBeLessThan(60_000);
      const bad = await save(provider, BAD);
      expect((await test({ keyId: bad }).expect(200)).body.category).toBe('credential_invalid');
      expect((await read(bad)).status).toBe('invalid');
    });
  });

  it.each([
    [{ status: 403 }, 'permission_denied', 'invalid'],
    [
      { status: 429, code: 'insufficient_quota', type: 'insufficient_quota' },
      'quota_exhausted',
      'rate_limited',
    ],
    [{ status: 429, headers: { 'retry-after': '1' } }, 'rate_limited', 'rate_limited'],
    [{ status: 500 }, 'server_error', 'untested'],
    [{ status: 529 }, 'overloaded', 'untested'],
    [{ fault: 'html' as const }, 'invalid_response', 'untested'],
    [{ fault: 'empty' as const }, 'invalid_response', 'untested'],
    [{ fault: 'reset-before-headers' as const }, 'connection_lost', 'untested'],
    [
      { fault: 'redirect' as const, location: 'https://evil.example.com/v1/models' },
      'invalid_response',
      'untested',
    ],
  ])('tells what else it may be, after one call: %j', async (behaviour, category, status) => {
    const id = await save('openai', GOOD);
    const before = upstream.requests.length;
    upstream.script([behaviour]);
    const { body } = await test({ keyId: id }).expect(200);
    expect(body.ok).toBe(false);
    expect(body.category).toBe(category);
    expect(upstream.requests.length - before).toBe(1);
    expect((await read(id)).status).toBe(status);
  });

  it('says connect_failed when nobody listens', async () => {
    const body = { provider: 'openai', apiKey: GOOD, baseUrl: `http://${deadHost}/v1` };
    expect((await test(body).expect(200)).body).toMatchObject({
      ok: false,
      category: 'connect_failed',
    });
    const id = await save('openai', GOOD, body.baseUrl);
    expect((await test({ keyId: id }).expect(200)).body.category).toBe('connect_failed');
    const key = await read(id);
    expect(key.status).toBe('untested');
    expect(key.lastTestedAt).not.toBeNull();
  });

  it.each(['http://127.0.0.1:1/v1', 'https://169.254.169.254/v1', 'https://localhost/v1'])(
    'does not knock at %s',
    async (baseUrl) => {
      expectProblem(
        await test({ provider: 'openai', apiKey: GOOD, baseUrl }),
        'blocked_destination',
      );
    },
  );

  it.each([
    'connect_failed',
    'connection_lost',
    'timeout_no_response',
    'blocked_destination',
  ] as const)(
    'says the same of a host that a tenant named, whichever way it cannot be reached: %s',
    async (category) => {
      const key = { workspaceId: app.workspaceId, keyId: null, provider: 'openai' };
      const failing = {
        testCredential: () =>
          Promise.reject(new ProviderError({ category, retry: 'never', billed: 'no' })),
      } as unknown as AIProvider;
      const run = (baseUrl: string | null) =>
        app.app.get(ApiKeyTests, { strict: false }).run({ ...key, baseUrl }, failing);
      const named = await run('https://gateway.example.com/v1');
      expect(named).toEqual({
        ok: false,
        category: 'connect_failed',
        message:
          'The provider cannot be reached. Check base URL and network; a private host must be allowed first.',
        latencyMs: 1_000,
        model: null,
      });
      for (const told of [null, upstream.openAiBaseUrl]) {
        expect(await run(told)).toMatchObject({ ok: false, category });
      }
    },
  );

  it('tells of a host that a tenant named what it answers', async () => {
    const refusing = {
      testCredential: () =>
        Promise.reject(
          new ProviderError({ category: 'credential_invalid', retry: 'never', billed: 'no' }),
        ),
    } as unknown as AIProvider;
    const key = { workspaceId: app.workspaceId, keyId: null, provider: 'openai' };
    const tests = app.app.get(ApiKeyTests, { strict: false });
    const told = await tests.run({ ...key, baseUrl: 'https://gateway.example.com/v1' }, refusing);
    expect(told).toMatchObject({ ok: false, category: 'credential_invalid' });
  });

  it('does not lead a saved key to a host that is not allowed any more', async () => {
    const id = await save('openai', GOOD);
    const strict = await TestApp.start({ nodeOf: app });
    const before = upstream.requests.length;
    const answer = await strict
      .request('post', strict.path('api-keys/test'))
      .send({ keyId: id })
      .expect(200);
    await strict.close();
    expect(answer.body).toMatchObject({ ok: false, category: 'blocked_destination' });
    expect(upstream.requests).toHaveLength(before);
  });

  it('needs a key that exists and is switched on', async () => {
    expectProblem(await test({ keyId: '0190d8f0-0000-7000-8000-000000000000' }), 'not_found');
    const id = await save('openai', GOOD);
    await app
      .request('patch', app.path(`api-keys/${id}`))
      .send({ enabled: false })
      .expect(200);
    const before = upstream.requests.length;
    expectProblem(await test({ keyId: id }), 'unprocessable');
    expect(upstream.requests).toHaveLength(before);
  });

  it('notes nothing on a secret that was replaced while the test was under way', async () => {
    const id = await save('openai', GOOD);
    upstream.script([
      {
        raw: (response) => {
          const secret = app.request('put', app.path(`api-keys/${id}/secret`));
          void secret.send({ apiKey: 'sk-test-newer-00000000' }).then(() => {
            response.writeHead(401, { 'content-type': 'application/json' });
            response.end('{"error":{"message":"no","code":"invalid_api_key"}}');
          });
        },
      },
    ]);
    expect((await test({ keyId: id }).expect(200)).body.category).toBe('credential_invalid');
    expect(await read(id)).toMatchObject({ status: 'untested', lastTestedAt: null });
  });
});
