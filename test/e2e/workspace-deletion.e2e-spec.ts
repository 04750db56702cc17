import { once } from 'node:events';
import { Environment } from '../../src/config';
import { ReceiptJournal } from '../../src/receipt-journal';
import { tablesWith } from '../support/database-contents';
import { EventReader } from '../support/event-reader';
import { expectProblem } from '../support/problem-of';
import { TestApp } from '../support/test-app';
import { MODELS, TestBench } from '../support/test-bench';

const ASK = { agentId: 'doomed', provider: 'openai', model: MODELS.openai };
const messages = (content: string) => [{ role: 'user', content }];

describe('a workspace that is deleted while executions run in it', () => {
  let bench: TestBench;
  let node: TestApp;
  /** When the upstream lost which call, by what was asked. */
  let aborted: Map<string, Promise<unknown>>;

  beforeAll(async () => {
    bench = await TestBench.start();
    node = await TestApp.start({
      nodeOf: bench.app,
      variables: { KEYRUN_ALLOWED_HOSTS: bench.upstream.host },
    });
  });

  afterAll(async () => {
    await node.close();
    await bench.close();
  });

  /** Calls that are never answered. */
  const hold = (count: number) => {
    aborted = new Map();
    bench.upstream.script(
      Array.from({ length: count }, () => ({
        raw: (response, { body }) => {
          const [{ content }] = body!.messages as [{ content: string }];
          aborted.set(content, once(response, 'close'));
        },
      })),
    );
  };

  it('ends their calls, wherever they run, and what their clients wait for', async () => {
    const [doomed, other] = [await bench.createWorkspace(), await bench.createWorkspace()];
    for (const id of [doomed, other]) await bench.saveKey('openai', {}, id);
    const before = bench.upstream.requests.length;
    hold(4);
    const run = (at: TestApp, content: string, workspaceId: string) =>
      at
        .request('post', at.path('executions', workspaceId))
        .send({ ...ASK, messages: messages(content) });
    const kept = run(node, 'kept', other).then((answer) => answer);
    const waiting = run(bench.app, 'sync', doomed).then((answer) => answer);
    const queued = await run(node, 'async', doomed).set('Prefer', 'respond-async').expect(202);
    const reading = EventReader.open(node, node.path('executions', doomed), {
      body: { ...ASK, stream: true, messages: messages('stream') },
    });
    await bench.upstream.untilRequests(before + 4);
    const stream = await reading;
    const follower = await EventReader.open(
      bench.app,
      bench.app.path(`executions/${queued.body.id}/stream`, doomed),
    );

    await bench.app.request('delete', `/api/workspaces/${doomed}`).expect(204);
    for (const content of ['sync', 'async', 'stream']) await aborted.get(content);
    expectProblem(await waiting, 'not_found');
    for (const reader of [stream, follower]) {
      const { event, data } = (await reader.rest()).at(-1)!;
      expect([event, data.code]).toEqual(['error', 'not_found']);
    }
    const { dataSource } = bench.app.database;
    // The trail of the server says that it was deleted.
    expect(await tablesWith(dataSource, doomed)).toEqual(['public.audit_events']);
    expect(await tablesWith(dataSource, queued.body.id as string)).toEqual([]);
    for (const { app } of [bench.app, node]) {
      const { unsettled, quarantined } = app.get(ReceiptJournal, { strict: false }).status();
      expect({ unsettled, quarantined }).toEqual({ unsettled: 0, quarantined: 0 });
    }
    expect(bench.upstream.requests).toHaveLength(before + 4);

    const silence = new Promise((resolve) => setImmediate(resolve, 'runs'));
    expect(await Promise.race([aborted.get('kept'), silence])).toBe('runs');
    const [execution] = (await bench.app.request('get', bench.app.path('executions', other))).body
      .data;
    await bench.app
      .request('post', bench.app.path(`executions/${execution.id}/cancel`, other))
      .expect(200);
    expectProblem(await kept, 'cancelled');
  });

  it('starts nothing any more that waited in its queue', async () => {
    const doomed = await bench.createWorkspace();
    await bench.saveKey('openai', {}, doomed);
    const before = bench.upstream.requests.length;
    hold(200);
    const ids: string[] = [];
    for (let count = 0; count < 100; count += 1) {
      const { body } = await bench
        .run({ ...ASK, messages: messages(String(count)) }, doomed)
        .set('Prefer', 'respond-async')
        .expect(202);
      ids.push(body.id as string);
    }
    // As many as two nodes take at once.
    await bench.upstream.untilRequests(before + 2 * node.app.get(Environment).asyncConcurrency);
    await bench.app.request('delete', `/api/workspaces/${doomed}`).expect(204);
    await Promise.all(aborted.values());
    const { dataSource } = bench.app.database;
    let left = await tablesWith(dataSource, doomed);
    // The wake-ups of those that waited are taken one by one.
    while (left.includes('pgboss.job_common')) left = await tablesWith(dataSource, doomed);
    expect(left).toEqual(['public.audit_events']);
    expect(bench.upstream.requests).toHaveLength(before + aborted.size);
  });
});
