import { gzipSync } from 'node:zlib';
import { rowCounts } from '../support/database-contents';
import { expectProblem, faultyFields, problemOf } from '../support/problem-of';
import { TestApp } from '../support/test-app';

const CANARY = 'sk-test-canary-of-a-broken-body-77777777';

/** Each is no JSON object, and each holds the canary. */
const MALFORMED = [
  `{"apiKey":"${CANARY}"`,
  `{"apiKey":"${CANARY}`,
  `{"apiKey":${CANARY}}`,
  `{apiKey:"${CANARY}"}`,
  `{'apiKey':'${CANARY}'}`,
  `{"apiKey":"${CANARY}",}`,
  `{"apiKey":"${CANARY}"}}`,
  `{"apiKey":"${CANARY}"} {"apiKey":"${CANARY}"}`,
  `{"apiKey":"${CANARY}"} // saved`,
  `{"apiKey":"${CANARY}\n"}`,
  `{"apiKey":"${CANARY}\u0000"}`,
  `{"apiKey":"${CANARY}\\x41"}`,
  `{"apiKey":"${CANARY}\\u12"}`,
  `{"apiKey" "${CANARY}"}`,
  `{"apiKey":"${CANARY}","priority":01}`,
  `{"apiKey":"${CANARY}","priority":NaN}`,
  `{"apiKey":"${CANARY}","priority":+1}`,
  `{"apiKey":"${CANARY}","priority":.5}`,
  `{"apiKey":"${CANARY}","enabled":True}`,
  `{"apiKey":"${CANARY}","label":undefined}`,
  `["${CANARY}"`,
  `"${CANARY}"`,
  CANARY,
  `apiKey=${CANARY}&provider=openai`,
  `<apiKey>${CANARY}</apiKey>`,
  `\u0000{"apiKey":"${CANARY}"}`,
];

describe('a body that is no JSON object', () => {
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

  const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    app
      .request('post', path)
      .set({ 'content-type': 'application/json', ...headers })
      .serialize((text: unknown) => text as string)
      .send(body as string);

  it.each(MALFORMED)('is refused and never repeated: %j', async (body) => {
    for (const path of [app.path('api-keys'), app.path('executions'), '/api/workspaces']) {
      const answer = await post(path, body);
      expectProblem(answer, 'malformed_json');
      expect(answer.text).not.toContain('canary');
      expect(JSON.stringify(answer.headers)).not.toContain('canary');
    }
  });

  it.each(['null', '0', 'true', '"text"'])('is refused when it is the value %s', async (body) => {
    expectProblem(await post(app.path('api-keys'), body), 'malformed_json');
  });

  it.each(['[]', '[{"name":"x"}]'])('is refused when it is the list %s', async (body) => {
    for (const path of [app.path('api-keys'), app.path('executions'), '/api/workspaces']) {
      expect(faultyFields(await post(path, body))).toEqual(['']);
    }
  });

  it('is refused when it is missing', async () => {
    const demanded = {
      [app.path('api-keys')]: ['/provider', '/apiKey'],
      [app.path('executions')]: ['/agentId', '/provider', '/model', '/messages'],
      '/api/workspaces': ['/name'],
    };
    for (const [path, fields] of Object.entries(demanded)) {
      expect(faultyFields(await app.request('post', path))).toEqual(fields);
    }
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/octet-stream',
    'text/json',
    'application/xml',
  ])('is refused with the content type %s', async (type) => {
    const answer = await post(app.path('api-keys'), `{"apiKey":"${CANARY}"}`, {
      'content-type': type,
    });
    expectProblem(answer, 'unsupported_media_type');
    expect(answer.text).not.toContain('canary');
  });

  it.each([
    ['an unknown charset', { 'content-type': 'application/json; charset=klingon' }, '{}', 415],
    ['an unknown encoding', { 'content-encoding': 'lzma' }, '{}', 415],
    ['an encoding that it does not have', { 'content-encoding': 'gzip' }, '{"a":1}', 400],
    ['a broken deflate', { 'content-encoding': 'deflate' }, '{"a":1}', 400],
    ['a broken brotli', { 'content-encoding': 'br' }, '{"a":1}', 400],
    [
      'half of a gzip',
      { 'content-encoding': 'gzip' },
      gzipSync('{"name":"half of it"}').subarray(0, 20),
      400,
    ],
  ])('is refused with %s', async (_name, headers, body, status) => {
    const answer = await post('/api/workspaces', body, headers);
    expect(problemOf(answer).status).toBe(status);
  });
});

describe('the size of a body', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });

  afterAll(async () => {
    await app.close();
  });

  const send = (path: string, body: object) => app.request('post', path).send(body);

  it('may not be over 64 KiB, and nothing is written', async () => {
    const before = await rowCounts(app.database.dataSource);
    const apiKey = `${CANARY}${'x'.repeat(64 * 1024)}`;
    for (const path of [app.path('api-keys'), app.path('api-keys/test'), '/api/workspaces']) {
      const answer = await send(path, { provider: 'openai', apiKey });
      expectProblem(answer, 'body_too_large');
      expect(answer.text).not.toContain('canary');
    }
    expect(await rowCounts(app.database.dataSource)).toEqual(before);
  });

  it('is measured after decompression', async () => {
    const bomb = gzipSync(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }));
    const answer = await app
      .request('post', '/api/workspaces')
      .set({ 'content-type': 'application/json', 'content-encoding': 'gzip' })
      .serialize((body: unknown) => body as string)
      .send(bomb as unknown as string);
    expectProblem(answer, 'body_too_large');
  });

  it('may be up to 32 MiB for an execution', async () => {
    const execution = (size: number) => ({
      agentId: 'long',
      provider: 'echo',
      model: 'echo',
      messages: [
        { role: 'user', content: 'x'.repeat(size) },
        { role: 'user', content: 'short' },
      ],
    });
    const long = await send(app.path('executions'), execution(31 * 1024 * 1024));
    expect(long.status).toBe(201);
    expect(long.body.output.content).toBe('short');
    const before = await rowCounts(app.database.dataSource);
    for (const path of [app.path('executions'), app.path('executions/estimate')]) {
      expectProblem(await send(path, execution(32 * 1024 * 1024)), 'body_too_large');
    }
    expect(await rowCounts(app.database.dataSource)).toEqual(before);
  });
});
