import { EventReader } from '../support/event-reader';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';
import { TestBench } from '../support/test-bench';

const OPENAI = { provider: 'openai', model: 'gpt-4o-mini' };

describe('cancelling an execution', () => {
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

  const cancel = (id: string, app: TestApp = bench.app) =>
    app.request('post', bench.app.path(`executions/${id}/cancel`));
  const newest = async () => {
    const answer = await bench.app.request('get', bench.app.path('executions?limit=1'));
    return answer.body.data[0].id as string;
  };

  /** A call that the upstream does not answer. */
  async function hanging() {
    let closed!: Promise<void>;
    bench.upstream.script([
      {
        raw: (response) => {
          closed = new Promise((resolve) => response.once('close', resolve));
        },
      },
    ]);
    const before = bench.upstream.requests.length;
    const answer = bench.run(OPENAI).then((response) => response);
    await bench.upstream.untilRequests(before + 1);
    return { answer, closed: () => closed, id: await newest() };
  }

  it('ends the call of the provider and tells whoever waits', async () => {
    const { answer, closed, id } = await hanging();
    const cancelled = await cancel(id).expect(200);
    expect(cancelled.body).toMatchObject({
      id,
      status: 'cancelled',
      error: { category: 'cancelled', billed: 'unknown' },
      attempts: [{ status: 'failed', errorCategory: 'cancelled', billed: 'unknown' }],
    });
    await closed();
    const waiting = await answer;
    expectProblem(waiting, 'cancelled');
    expect(waiting.body.executionId).toBe(id);
  });

  it('is the same the second time, and after the end', async () => {
    const { answer, id } = await hanging();
    const [first, second] = await Promise.all([cancel(id), cancel(id)]);
    expect(second.body).toEqual(first.body);
    expect((await cancel(id).expect(200)).body).toEqual(first.body);
    await answer;
    const done = await bench.run(OPENAI).expect(201);
    expect((await cancel(done.body.id as string).expect(200)).body).toEqual(done.body);
  });

  it('reaches the server that runs it', async () => {
    const node = await TestApp.start({ nodeOf: bench.app });
    try {
      const { answer, closed, id } = await hanging();
      const cancelled = await cancel(id, node).expect(200);
      expect(cancelled.body.status).toBe('cancelled');
      await closed();
      expectProblem(await answer, 'cancelled');
    } finally {
      await node.close();
    }
  });

  it('ends a wait between two attempts, which stays as it was', async () => {
    bench.upstream.script([{ status: 429, headers: { 'retry-after': '60' } }]);
    const before = bench.upstream.requests.length;
    const answer = bench.run(OPENAI).then((response) => response);
    await bench.upstream.untilRequests(before + 1);
    const id = await newest();
    const outcomes = async () => (await bench.read(id)).attempts[0].status;
    while ((await outcomes()) === 'unknown') await new Promise((resolve) => setImmediate(resolve));
    const cancelled = await cancel(id).expect(200);
    expect(cancelled.body).toMatchObject({
      status: 'cancelled',
      attempts: [{ errorCategory: 'rate_limited', billed: 'no' }],
    });
    expectProblem(await answer, 'cancelled');
    expect(bench.upstream.requests.length - before).toBe(1);
  });

  it('keeps what a stream had told until then, with what it cost', async () => {
    bench.upstream.script([
      {
        stream: async (wire) => {
          await wire.start();
          await wire.text('As far as that');
          await wire.untilClosed();
        },
      },
    ]);
    const reader = await EventReader.open(bench.app, bench.app.path('executions'), {
      body: { agentId: 'a', ...OPENAI, stream: true, messages: [{ role: 'user', content: 'x' }] },
    });
    await reader.next();
    const id = reader.header.get('location')!.split('/').at(-1)!;
    const { body } = await cancel(id).expect(200);
    expect(body).toMatchObject({
      status: 'cancelled',
      output: { content: 'As far as that' },
      usage: { source: 'estimated' },
      error: { billed: 'partial' },
    });
    expect(body.costUsd).not.toBeNull();
    expect((await reader.rest()).at(-1)).toMatchObject({
      event: 'error',
      data: { code: 'cancelled', executionId: id },
    });
  });

  it('takes a queued one out of the queue, unsent', async () => {
    const { dataSource } = bench.app.database;
    const { body } = await bench.run(OPENAI).expect(201);
    const id = '01999999-1111-7000-8000-000000000001';
    await dataSource.query(
      `INSERT INTO agent_executions (id, workspace_id, agent_id, provider, model, status, mode, created_at, deadline_at, wake_up_at)
       SELECT $1, workspace_id, agent_id, provider, model, 'queued', 'async', now(), now(), now()
         FROM agent_executions WHERE id = $2`,
      [newIdLike(body.id as string, id), body.id],
    );
    const answer = await cancel(newIdLike(body.id as string, id)).expect(200);
    expect(answer.body).toMatchObject({
      status: 'cancelled',
      attempts: [],
      error: { billed: 'no' },
    });
  });

  it('answers 404 for one that is not there, or belongs to another agent', async () => {
    expectProblem(await cancel('01999999-0000-7000-8000-000000000000'), 'not_found');
    const { body } = await bench.run(OPENAI).expect(201);
    const token = await bench.app
      .request('post', bench.app.path('tokens'))
      .send({ name: 'Bound', role: 'developer', agentId: 'other' })
      .expect(201);
    const path = bench.app.path(`executions/${body.id}/cancel`);
    expectProblem(await bench.app.request('post', path, token.body.token as string), 'not_found');
  });
});

/** An id of the same month, so that there is a partition for it. */
function newIdLike(id: string, other: string): string {
  return id.slice(0, 13) + other.slice(13);
}
