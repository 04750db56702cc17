import { TestApp } from '../support/test-app';

export interface VerificationSubject {
  readonly provider: 'openai' | 'anthropic';
  /** A small model that the price catalogue knows. */
  readonly model: string;
  readonly apiKey: string;
  /** Absent: the vendor's own address. */
  readonly baseUrl?: string;
}

/** What the tests of one subject work on; `subject` may depend on what an earlier `beforeAll` started. */
export interface VerificationSetting {
  readonly subject: () => VerificationSubject;
  /** Variables of the environment of the application. */
  readonly variables?: () => Readonly<Record<string, string>>;
}

const MAX_TOKENS = 16;

/**
 * What a new user does with a key, in order, on the whole application and a real database: save, list,
 * test, run, read, start again, delete. Each step builds on the one before.
 */
export function verificationList({ subject, variables = () => ({}) }: VerificationSetting): void {
  let app: TestApp;
  let keyId: string;

  beforeAll(async () => {
    app = await TestApp.start({ variables: variables() });
  });

  afterAll(async () => {
    await app.close();
  });

  const testKey = (body: object, on = app) =>
    on.request('post', app.path('api-keys/test')).send(body).expect(200);
  const run = () => {
    const { provider, model } = subject();
    return app.request('post', app.path('executions')).send({
      agentId: 'verification',
      provider,
      model,
      maxTokens: MAX_TOKENS,
      messages: [{ role: 'user', content: 'Answer with the single word: ready' }],
    });
  };

  it('saves the key and does not give it back', async () => {
    const { provider, apiKey, baseUrl } = subject();
    const answer = await app
      .request('post', app.path('api-keys'))
      .send({ provider, apiKey, baseUrl })
      .expect(201);
    keyId = answer.body.id;
    expectWithout(answer.text, apiKey);
  });

  it('lists the last four characters only', async () => {
    const { provider, apiKey } = subject();
    const answer = await app.request('get', app.path('api-keys')).expect(200);
    expect(answer.body.data).toHaveLength(1);
    expect(answer.body.data[0]).toMatchObject({ id: keyId, provider, last4: apiKey.slice(-4) });
    expectWithout(answer.text, apiKey);
  });

  it('says of the saved key that it works', async () => {
    const answer = await testKey({ keyId });
    expect(answer.body).toMatchObject({ ok: true, category: 'ok' });
  });

  it('says of a mangled key that it is invalid', async () => {
    const { provider, apiKey, baseUrl } = subject();
    const answer = await testKey({ provider, apiKey: mangled(apiKey), baseUrl });
    expect(answer.body).toMatchObject({ ok: false, category: 'credential_invalid' });
    expectWithout(answer.text, mangled(apiKey));
  });

  it('runs one execution and records its tokens and its cost', async () => {
    const { provider, model } = subject();
    const answer = await run().expect(201);
    const read = await app.request('get', `${answer.headers.location}`).expect(200);
    expect(read.body).toEqual({ ...answer.body, request: expect.any(Object) });
    expect(read.body).toMatchObject({ provider, model, status: 'completed', apiKeyId: keyId });
    expect(read.body.usage.inputTokens).toBeGreaterThan(0);
    expect(read.body.usage.outputTokens).toBeGreaterThan(0);
    expect(read.body.usage.source).toBe('provider');
    expect(Number(read.body.costUsd)).toBeGreaterThan(0);
    expect(read.body.attempts).toHaveLength(1);
    expectWithout(read.text, subject().apiKey);
  });

  it('opens the key after a start on the same database', async () => {
    const restarted = await TestApp.start({ variables: variables(), nodeOf: app });
    try {
      expect((await testKey({ keyId }, restarted)).body).toMatchObject({ ok: true });
    } finally {
      await restarted.close();
    }
  });

  it('answers 424 once the key is deleted', async () => {
    await app.request('delete', app.path(`api-keys/${keyId}`)).expect(204);
    const answer = await run().expect(424);
    expect(answer.body).toMatchObject({ code: 'provider_key_missing' });
  });
}

/** Compares without showing: a failed matcher would print the key. */
function expectWithout(text: string, apiKey: string): void {
  expect(text.includes(apiKey)).toBe(false);
  expect(text.includes(apiKey.slice(0, -4))).toBe(false);
}

/** The key with another end, of the same form. */
function mangled(apiKey: string): string {
  const end = apiKey.slice(-8).replace(/[0-9A-Za-z]/g, (letter) => (letter === 'x' ? 'y' : 'x'));
  return apiKey.slice(0, -8) + end;
}
