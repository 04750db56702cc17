import { EventReader, textOf } from '../support/event-reader';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';
import { TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: 'gpt-4o-mini' };

describe('an Idempotency-Key', () => {
  let bench: TestBench;
  let keys = 0;
  let key: string;

  beforeAll(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(() => {
    keys += 1;
    key = `key-${keys}`;
    bench.upstream.script([]);
  });

  const run = (body: object = OPENAI, workspaceId?: string) =>
    bench.run(body, workspaceId).set('Idempotency-Key', key);
  const paid = () => bench.upstream.paidCalls.length;
  const withoutRequestId = (body: object) => ({ ...body, requestId: null });

  it('gives the same answer again and pays once', async () => {
    const before = paid();
    const first = await run().expect(201);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    const second = await run().expect(201);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.text).toBe(first.text);
    expect(second.headers.location).toBe(first.headers.location);
    expect(paid() - before).toBe(1);
  });

  it('pays once for fifty requests at once, on two servers', async () => {
    const node = await TestApp.start({
      nodeOf: bench.app,
      variables: { KEYRUN_ALLOWED_HOSTS: bench.upstream.host },
    });
    const before = paid();
    let answers;
    try {
      answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          (index % 2 === 0 ? bench.app : node)
            .request('post', bench.app.path('executions'))
            .set('Idempotency-Key', key)
            .send({ agentId: 'a', ...OPENAI, messages: [{ role: 'user', content: 'x' }] }),
        ),
      );
    } finally {
      await node.close();
    }
    expect(paid() - before).toBe(1);
    const done = answers.filter(({ status }) => status === 201);
    expect(done.length).toBeGreaterThan(0);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    const others = answers.filter(({ status }) => status !== 201);
    for (const answer of others) {
      expectProblem(answer, 'idempotency_in_flight');
      expect(answer.headers['retry-after']).toBe('1');
      expect(answer.headers.location).toBe(done[0]!.headers.location);
      expect(answer.body.executionId).toBe(done[0]!.body.id);
    }
  });

  it('repeats a failure as it was', async () => {
    bench.upstream.script([{ status: 401 }]);
    const first = await run();
    expectProblem(first, 'credential_invalid');
    const second = await run();
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(withoutRequestId(second.body)).toEqual(withoutRequestId(first.body));
    expect(second.status).toBe(first.status);
    expect(bench.upstream.requests.length).toBeGreaterThan(0);
  });

  it.each([
    ['another message', { ...OPENAI, messages: [{ role: 'user', content: 'Other' }] }],
    ['another model', { ...OPENAI, model: 'gpt-4o' }],
    ['another agent', { ...OPENAI, agentId: 'other' }],
    ['a stream', { ...OPENAI, stream: true }],
    ['more of it', { ...OPENAI, temperature: 0 }],
  ])('is refused with %s, unpaid', async (_what, body) => {
    await run().expect(201);
    const before = paid();
    expectProblem(await run(body), 'idempotency_key_reused');
    expect(paid()).toBe(before);
  });

  it('does not mind the order of the members', async () => {
    const first = await run({ provider: 'openai', model: 'gpt-4o-mini', metadata: { a: 1, b: 2 } });
    const again = { metadata: { b: 2, a: 1 }, model: 'gpt-4o-mini', provider: 'openai' };
    expect((await run(again).expect(201)).text).toBe(first.text);
  });

  it('needs nothing but the first request to answer again, not even the key that paid', async () => {
    const workspaceId = await bench.createWorkspace('Keyless');
    const keyId = await bench.saveKey('openai', {}, workspaceId);
    const first = await run(OPENAI, workspaceId).expect(201);
    await bench.app.request('delete', bench.app.path(`api-keys/${keyId}`, workspaceId)).expect(204);
    expect((await run(OPENAI, workspaceId).expect(201)).text).toBe(first.text);
    expectProblem(await bench.run(OPENAI, workspaceId), 'provider_key_missing');
  });

  it('is one in each workspace', async () => {
    const other = await bench.createWorkspace();
    const echo = { provider: 'echo', model: 'echo' };
    const first = await run(echo).expect(201);
    const second = await run(echo, other).expect(201);
    expect(second.body.id).not.toBe(first.body.id);
  });

  it('is forgotten when its time is over', async () => {
    const first = await run().expect(201);
    await bench.app.database.dataSource.query(
      `UPDATE idempotency_keys SET expires_at = now() - interval '1 s' WHERE key = $1`,
      [key],
    );
    expect((await run().expect(201)).body.id).not.toBe(first.body.id);
  });

  it('stores nothing for a request that never started', async () => {
    expectProblem(await run({ ...OPENAI, provider: 'anthropic' }), 'provider_key_missing');
    await run().expect(201);
  });

  it('gives a stream again, from the stored answer', async () => {
    const ask = () =>
      EventReader.open(bench.app, bench.app.path('executions'), {
        headers: { 'idempotency-key': key },
        body: {
          agentId: 'a',
          ...OPENAI,
          stream: true,
          messages: [{ role: 'user', content: 'x' }],
        },
      });
    const before = paid();
    const first = await (await ask()).rest();
    const again = await ask();
    expect(again.header.get('idempotent-replayed')).toBe('true');
    const second = await again.rest();
    expect(textOf(second)).toBe(textOf(first));
    expect(second.at(-1)!.data).toEqual(first.at(-1)!.data);
    expect(paid() - before).toBe(1);
  });

  it('gives the queued execution again, and its end', async () => {
    const ask = () => run({ provider: 'echo', model: 'slow' }).set('Prefer', 'respond-async');
    const first = await ask().expect(202);
    const second = await ask().expect(202);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.body.id).toBe(first.body.id);
    const events = await (
      await EventReader.open(bench.app, bench.app.path(`executions/${first.body.id}/stream`))
    ).rest();
    expect(events.at(-1)!.event).toBe('done');
    expect((await ask().expect(202)).body).toMatchObject({ status: 'completed' });
  });

  it('is kept where no content is, as long as it may be asked for', async () => {
    const id = await bench.createWorkspace('Metadata only');
    await bench.app
      .request('patch', `/api/workspaces/${id}`)
      .send({ storeContent: 'metadata' })
      .expect(200);
    const echo = { provider: 'echo', model: 'echo' };
    const first = await run(echo, id).expect(201);
    expect((await run(echo, id).expect(201)).text).toBe(first.text);
    const without = await bench.run(echo, id).expect(201);
    expect(without.body.output.content).toBe('Hello');
    expect(await bench.readDetail(without.body.id as string, id)).toMatchObject({
      output: null,
      request: null,
    });
  });

  it('answers again where no content is kept, though what an ended one asked is gone', async () => {
    const id = await bench.createWorkspace('Metadata only, asynchronous');
    await bench.app
      .request('patch', `/api/workspaces/${id}`)
      .send({ storeContent: 'metadata' })
      .expect(200);
    const ask = () => run({ provider: 'echo', model: 'echo' }, id).set('Prefer', 'respond-async');
    const { body } = await ask().expect(202);
    const path = bench.app.path(`executions/${body.id}/stream`, id);
    await (await EventReader.open(bench.app, path)).rest();
    expect(await bench.readDetail(body.id as string, id)).toMatchObject({
      ...{ status: 'completed', output: { content: 'Hello' } },
      ...{ request: null, unreadable: [] },
    });
    const again = await ask().expect(202);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body).toMatchObject({ id: body.id, output: { content: 'Hello' } });
  });
});
