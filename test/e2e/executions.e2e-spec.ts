import { FaultyUpstream } from '../support/faulty-upstream';
import { TestApp } from '../support/test-app';

describe('executions', () => {
  let upstream: FaultyUpstream;
  let app: TestApp;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    app = await TestApp.start({ variables: { KEYRUN_ALLOWED_HOSTS: new URL(upstream.url).host } });
    for (const [provider, baseUrl] of [
      ['openai', `${upstream.url}/v1`],
      ['anthropic', upstream.url],
    ]) {
      await app
        .request('post', app.path('api-keys'))
        .send({ provider, apiKey: `sk-test-${provider}-0000000000001234`, baseUrl })
        .expect(201);
    }
  });

  afterAll(async () => {
    await app.close();
    await upstream.close();
  });

  const run = (body: object) =>
    app.request('post', app.path('executions')).send({
      agentId: 'test-agent',
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    });

  it.each([
    ['openai', 'gpt-4o-mini'],
    ['anthropic', 'claude-sonnet-4-5'],
  ])(
    'runs on %s through the official SDK and reads back what it recorded',
    async (provider, model) => {
      const answer = await run({ provider, model }).expect(201);
      expect(answer.body).toMatchObject({
        provider,
        model,
        status: 'completed',
        finishReason: 'stop',
      });
      const read = await app.request('get', `${answer.headers.location}`).expect(200);
      expect(read.body).toEqual(answer.body);
    },
  );

  it('records 500, 500, 200 as one completed execution with three attempts', async () => {
    const before = upstream.requests.length;
    upstream.script([{ status: 500 }, { status: 500 }, { ok: true }]);
    const answer = await run({ provider: 'openai', model: 'gpt-4o-mini' }).expect(201);
    expect(upstream.requests.length - before).toBe(3);
    expect(answer.body.attempts.map((attempt: { status: string }) => attempt.status)).toEqual([
      'failed',
      'failed',
      'succeeded',
    ]);
    const read = await app.request('get', `${answer.headers.location}`).expect(200);
    expect(read.body).toEqual(answer.body);
  });
});
