import { ExecutionQueue } from '../../src/queue';
import { EventReader, textOf } from '../support/event-reader';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';
import { TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: 'gpt-4o-mini' };

/** As the sweep leaves all after the death of a server that waited for their second attempt. */
async function leftBetweenAttempts({ database }: TestApp, age: string): Promise<void> {
  await database.dataSource.query(`
    UPDATE agent_executions
       SET latency_ms = 1, started_at = now() - interval '${age}', deadline_at = now() + interval '10 minutes';
    INSERT INTO execution_attempts
        (execution_id, attempt_number, workspace_id, provider, model, api_key_id, started_at)
      SELECT id, 1, workspace_id, provider, model, api_key_id, started_at FROM agent_executions;
    INSERT INTO attempt_outcomes (execution_id, attempt_number, revision, workspace_id,
        error_category, billed, latency_ms, ended_at)
      SELECT id, 1, 1, workspace_id, 'gateway_error', 'unknown', 0, now() FROM agent_executions`);
}

describe('an execution that nobody waits for', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(() => {
    bench.upstream.script([]);
  });

  const enqueue = (body: object = OPENAI) => bench.run(body).set('Prefer', 'respond-async');
  const untilEnd = async (id: string) =>
    (await EventReader.open(bench.app, bench.app.path(`executions/${id}/stream`))).rest();

  it('is accepted at once and runs to its end', async () => {
    const answer = await enqueue({ ...OPENAI, metadata: { ticket: 7 } }).expect(202);
    expect(answer.headers['preference-applied']).toBe('respond-async');
    expect(answer.headers.location).toBe(bench.app.path(`executions/${answer.body.id}`));
    expect(answer.body).toMatchObject({ mode: 'async', attempts: [], output: null });
    const events = await untilEnd(answer.body.id as string);
    const record = await bench.readDetail(answer.body.id as string);
    expect(record).toMatchObject({
      ...{ status: 'completed', mode: 'async', metadata: { ticket: 7 } },
      output: { content: 'Hello from the upstream.' },
      request: { messages: [{ role: 'user', content: 'Hello' }], model: 'gpt-4o-mini' },
      usage: { inputTokens: 12, outputTokens: 7 },
      attempts: [{ number: 1, status: 'succeeded' }],
    });
    expect(record.costUsd).not.toBeNull();
    const told = { ...record };
    delete told.request;
    expect(events.at(-1)).toMatchObject({ event: 'done', data: told });
    expect(textOf(events)).toBe('Hello from the upstream.');
  });

  it.each([
    'respond-async',
    'RESPOND-ASYNC',
    'handling=lenient, respond-async',
    'respond-async;x=1',
  ])('is asked for by Prefer: %s', async (prefer) => {
    await bench.run({ provider: 'echo', model: 'echo' }).set('Prefer', prefer).expect(202);
  });

  it.each(['respond-asynchronously', 'wait=10', 'no-respond-async'])(
    'is not asked for by Prefer: %s',
    async (prefer) => {
      await bench.run({ provider: 'echo', model: 'echo' }).set('Prefer', prefer).expect(201);
    },
  );

  it('records its failure with every attempt', async () => {
    bench.upstream.script([{ status: 500 }, { status: 401 }]);
    const { body } = await enqueue().expect(202);
    const events = await untilEnd(body.id as string);
    expect(events.at(-1)).toMatchObject({
      event: 'error',
      data: { code: 'credential_invalid', executionId: body.id },
    });
    const record = await bench.read(body.id as string);
    expect(
      record.attempts.map((attempt: { errorCategory: string }) => attempt.errorCategory),
    ).toEqual(['server_error', 'credential_invalid']);
  });

  it('is refused at once when there is no key for it', async () => {
    expectProblem(
      await enqueue({ provider: 'anthropic', model: 'claude-haiku-4-5' }),
      'provider_key_missing',
    );
    expectProblem(await enqueue({ ...OPENAI, provider: 'nobody' }), 'validation_failed');
  });

  it('fails, unsent, when its key was deleted while it waited', async () => {
    const waiting = await TestBench.start();
    const keyId = await waiting.saveKey('openai');
    await waiting.app.app.get(ExecutionQueue, { strict: false }).stopFetching();
    const { body } = await waiting.run(OPENAI).set('Prefer', 'respond-async').expect(202);
    expect(body.status).toBe('queued');
    await waiting.app.request('delete', waiting.app.path(`api-keys/${keyId}`)).expect(204);
    const node = await TestApp.start({ nodeOf: waiting.app });
    try {
      const path = node.path(`executions/${body.id}/stream`);
      const events = await (await EventReader.open(node, path)).rest();
      expect(events).toMatchObject([{ event: 'error', data: { code: 'provider_key_missing' } }]);
      expect(await waiting.read(body.id as string)).toMatchObject({
        status: 'failed',
        error: { category: 'provider_key_missing', billed: 'no' },
        attempts: [],
      });
      expect(waiting.upstream.requests).toEqual([]);
    } finally {
      await node.close();
      await waiting.close();
    }
  });

  it('repeats once what may have been billed, over all servers that it was on', async () => {
    const first = await TestBench.start();
    const { app, upstream } = first;
    await first.saveKey('openai');
    await app.app.get(ExecutionQueue, { strict: false }).stopFetching();
    const { body } = await first.run(OPENAI).set('Prefer', 'respond-async').expect(202);
    await leftBetweenAttempts(app, '0 s');
    upstream.script([{ status: 502 }]);
    const variables = { KEYRUN_ALLOWED_HOSTS: upstream.host };
    const second = await TestApp.start({ variables, nodeOf: app });
    try {
      const path = second.path(`executions/${body.id}/stream`);
      await (await EventReader.open(second, path)).rest();
      expect(await first.read(body.id as string)).toMatchObject({
        status: 'failed',
        error: { category: 'gateway_error', billed: 'unknown' },
        attempts: [{ billed: 'unknown' }, { billed: 'unknown', waitMs: null }],
      });
      expect(upstream.requests).toHaveLength(1);
    } finally {
      await second.close();
      await first.close();
    }
  });

  it('ends when it really ends, where it started an hour ago on a server that died', async () => {
    const hour = 3_600_000;
    const first = await TestBench.start();
    const { app, upstream } = first;
    await first.saveKey('openai');
    await app.app.get(ExecutionQueue, { strict: false }).stopFetching();
    const { body } = await first.run(OPENAI).set('Prefer', 'respond-async').expect(202);
    await leftBetweenAttempts(app, '1 hour');
    const waiting = await first.read(body.id as string);
    expect(waiting).toMatchObject({ status: 'queued', completedAt: null, latencyMs: null });
    const variables = { KEYRUN_ALLOWED_HOSTS: upstream.host };
    const second = await TestApp.start({ variables, nodeOf: app });
    try {
      const path = second.path(`executions/${body.id}/stream`);
      const events = await (await EventReader.open(second, path)).rest();
      const record = await first.read(body.id as string);
      expect(events.at(-1)).toMatchObject({ event: 'done', data: record });
      expect(record).toMatchObject({ status: 'completed', attempts: [{}, { number: 2 }] });
      const [startedAt, lastStartedAt, completedAt] = [
        record.startedAt,
        record.attempts[1].startedAt,
        record.completedAt,
      ].map((time) => Date.parse(time as string));
      expect(completedAt).toBeGreaterThanOrEqual(lastStartedAt!);
      expect(record.latencyMs).toBeGreaterThanOrEqual(hour);
      expect(record.latencyMs).toBe(completedAt! - startedAt!);
      expect(record.timeToFirstTokenMs).toBeGreaterThanOrEqual(hour);
      expect(record.attempts[1].latencyMs).toBeLessThan(hour);
    } finally {
      await second.close();
      await first.close();
    }
  });

  it('runs many at once and none twice', async () => {
    const before = bench.upstream.paidCalls.length;
    const accepted = await Promise.all(Array.from({ length: 120 }, () => enqueue().expect(202)));
    const ids = accepted.map(({ body }) => body.id as string);
    for (const id of ids) expect((await untilEnd(id)).at(-1)!.event).toBe('done');
    expect(bench.upstream.paidCalls.length - before).toBe(120);
  });
});

describe('the queue of a workspace', () => {
  const ECHO = { provider: 'echo', model: 'echo', agentId: 'agent' };
  const messages = [{ role: 'user', content: 'Hello' }];
  let app: TestApp;

  beforeEach(async () => {
    app = await TestApp.start({ variables: { KEYRUN_QUEUED_EXECUTIONS_PER_WORKSPACE: '2' } });
    await app.app.get(ExecutionQueue, { strict: false }).stopFetching();
  });

  afterEach(async () => {
    await app.close();
  });

  const enqueue = (workspaceId?: string, key?: string) => {
    const request = app.request('post', app.path('executions', workspaceId));
    if (key !== undefined) void request.set('Idempotency-Key', key);
    return request.set('Prefer', 'respond-async').send({ ...ECHO, messages });
  };

  it('takes no more than may wait, and stores nothing of what it refuses', async () => {
    const first = await enqueue(undefined, 'first').expect(202);
    await enqueue().expect(202);
    const refused = await enqueue(undefined, 'refused');
    expectProblem(refused, 'too_many_requests');
    expect(refused.headers['retry-after']).toBe('10');
    const list = await app.request('get', app.path('executions')).expect(200);
    expect(list.body.data).toHaveLength(2);

    const repeated = await enqueue(undefined, 'first').expect(202);
    expect(repeated.body.id).toBe(first.body.id);
    const { body: other } = await app
      .request('post', '/api/workspaces')
      .send({ name: 'Other' })
      .expect(201);
    await enqueue(other.id as string).expect(202);
    await app.request('post', app.path(`executions/${first.body.id}/cancel`)).expect(200);
    await enqueue(undefined, 'refused').expect(202);
  });

  it('does not run what was to be cancelled when its server died between two attempts', async () => {
    const { body } = await enqueue().expect(202);
    // As the sweep leaves it.
    await app.database.dataSource.query('UPDATE agent_executions SET cancel_requested_at = now()');
    const node = await TestApp.start({ nodeOf: app });
    try {
      const path = node.path(`executions/${body.id}/stream`);
      const events = await (await EventReader.open(node, path)).rest();
      expect(events).toMatchObject([{ event: 'error', data: { code: 'cancelled' } }]);
      const record = await app.request('get', app.path(`executions/${body.id}`)).expect(200);
      expect(record.body).toMatchObject({
        status: 'cancelled',
        error: { category: 'cancelled', billed: 'no', retryable: false },
        attempts: [],
      });
    } finally {
      await node.close();
    }
  });

  it('ends what is taken out of it after its deadline, as where a server died with it', async () => {
    const { body } = await enqueue().expect(202);
    await app.database.dataSource.query(
      `UPDATE agent_executions SET started_at = created_at - interval '30 days', deadline_at = created_at
        WHERE id = $1`,
      [body.id],
    );
    const node = await TestApp.start({ nodeOf: app });
    try {
      const path = node.path(`executions/${body.id}/stream`);
      const events = await (await EventReader.open(node, path)).rest();
      expect(events).toMatchObject([{ event: 'error', data: { code: 'deadline_exceeded' } }]);
      const record = await app.request('get', app.path(`executions/${body.id}`)).expect(200);
      expect(record.body).toMatchObject({
        status: 'failed',
        error: { category: 'deadline_exceeded', billed: 'no' },
        // The most that the database counts.
        latencyMs: 2_147_483_647,
        attempts: [{ number: 1, errorCategory: 'deadline_exceeded', billed: 'no' }],
      });
      const { createdAt, completedAt } = record.body as Record<string, string>;
      expect(Date.parse(completedAt!)).toBeGreaterThanOrEqual(Date.parse(createdAt!));
    } finally {
      await node.close();
    }
  });

  it('gives up what two servers died of', async () => {
    const { body } = await enqueue().expect(202);
    const ask = 'UPDATE agent_executions SET lost_takes = $1, taken_by = id';
    await app.database.dataSource.query(ask, [1]);
    const node = await TestApp.start({ nodeOf: app });
    try {
      const path = node.path(`executions/${body.id}/stream`);
      const events = await (await EventReader.open(node, path)).rest();
      expect(events).toMatchObject([{ event: 'error', data: { code: 'interrupted' } }]);
      const record = await app.request('get', app.path(`executions/${body.id}`)).expect(200);
      expect(record.body).toMatchObject({
        status: 'failed',
        error: { category: 'interrupted', billed: 'no', retryable: false },
        attempts: [],
      });
    } finally {
      await node.close();
    }
  });
});
