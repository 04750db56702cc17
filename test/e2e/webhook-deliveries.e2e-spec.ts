import type { ServerResponse } from 'node:http';
import { verify } from '../support/webhook-receiver';
import { WebhookBench } from '../support/webhook-bench';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FAR_AHEAD = 30 * HOUR;

describe('delivering events', () => {
  let bench: WebhookBench;

  beforeEach(async () => {
    bench = await WebhookBench.start();
  });

  afterEach(async () => {
    await bench.close();
  });

  it('tells how an execution ended, signed, without what was said', async () => {
    const { app, receiver } = bench;
    const webhook = await bench.save();
    const executionId = await bench.run();
    await bench.deliverDue();
    const [event] = receiver.events;
    const shown = await app.request('get', app.path(`executions/${executionId}`)).expect(200);
    const { output, attempts, receipt, metadata, request, unreadable, ...summary } = shown.body;
    expect([output, attempts, receipt, metadata, request, unreadable]).not.toContain(undefined);
    expect(verify(webhook.secret, event!)).toEqual({
      type: 'execution.completed',
      timestamp: summary.completedAt,
      data: summary,
    });
    expect(event!.text).not.toContain('prompt of a test');
    expect(await bench.deliveries(webhook.id)).toEqual([
      {
        id: event!.id,
        webhookId: webhook.id,
        event: 'execution.completed',
        executionId,
        status: 'delivered',
        occurredAt: summary.completedAt,
        nextAttemptAt: null,
        attempts: [
          {
            number: 1,
            startedAt: expect.any(String),
            responseStatus: 200,
            latencyMs: expect.any(Number),
            errorCategory: null,
          },
        ],
      },
    ]);
  });

  it('tells of a failure in our own words, and to whom what is subscribed', async () => {
    const { app, receiver } = bench;
    const completed = await bench.save({ events: ['execution.completed'] });
    const failed = await bench.save({ events: ['execution.failed', 'execution.cancelled'] });
    const executionId = await bench.run('error-500');
    await bench.deliverDue();
    expect(await bench.deliveries(completed.id)).toEqual([]);
    expect(receiver.events.map(({ body }) => body.type)).toEqual(['execution.failed']);
    const [event] = receiver.events;
    verify(failed.secret, event!);
    const shown = await app.request('get', app.path(`executions/${executionId}`)).expect(200);
    expect(event!.body.data).toMatchObject({ status: 'failed', error: shown.body.error });
    expect(shown.body.error.category).toBe('server_error');
  });

  it('comes by itself, without anybody asking', async () => {
    await bench.save();
    await bench.run();
    await bench.receiver.untilRequests(1);
    expect(bench.receiver.accepted).toHaveLength(1);
  });

  it('down for an hour, then failing, then well: each event is accepted once', async () => {
    const { receiver, clock } = bench;
    const webhook = await bench.save();
    await receiver.close();
    const executionIds = [await bench.run(), await bench.run('error-500'), await bench.run()];
    for (let waitedMs = 0; waitedMs < HOUR; waitedMs += 10 * MINUTE) {
      await bench.deliverDue();
      clock.advance(10 * MINUTE);
    }
    await receiver.resume();
    receiver.answer(500, 503, 500);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      clock.advance(FAR_AHEAD);
      await bench.deliverDue();
    }
    const log = (await bench.deliveries(webhook.id)).reverse();
    expect(log.map(({ executionId }) => executionId)).toEqual(executionIds);
    expect(log.map(({ status }) => status)).toEqual(['delivered', 'delivered', 'delivered']);
    const accepted = receiver.accepted.map(({ id }) => id);
    expect(accepted.sort()).toEqual(log.map(({ id }) => id));
    for (const event of receiver.events) verify(webhook.secret, event);
    const first = log[0]!.attempts;
    expect(first.length).toBeGreaterThan(3);
    expect(first[0]).toMatchObject({ responseStatus: null, errorCategory: 'connect_failed' });
    expect(first.at(-1)).toMatchObject({ responseStatus: 200, errorCategory: null });
    const texts = receiver.events.filter(({ id }) => id === log[0]!.id).map(({ text }) => text);
    expect(new Set(texts).size).toBe(1);
  });

  it('is given up after ten attempts, and can be redriven', async () => {
    const { app, receiver, clock } = bench;
    const webhook = await bench.save();
    receiver.answer(...Array<number>(10).fill(500));
    await bench.run();
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await bench.deliverDue();
      clock.advance(FAR_AHEAD);
    }
    expect(receiver.events).toHaveLength(10);
    const [dead] = await bench.deliveries(webhook.id);
    expect(dead).toMatchObject({ status: 'failed', nextAttemptAt: null });
    expect(dead!.attempts).toHaveLength(10);
    const path = app.path(`webhooks/${webhook.id}/deliveries`);
    const { body } = await app.request('get', `${path}?status=failed`).expect(200);
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual([dead!.id]);
    const redriven = await app.request('post', `${path}/${dead!.id}/redrive`).expect(202);
    expect(redriven.body).toMatchObject({ id: dead!.id, status: 'pending' });
    await bench.deliverDue();
    const [done] = await bench.deliveries(webhook.id);
    expect(done!.attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(done).toMatchObject({ id: dead!.id, status: 'delivered' });
    expect(receiver.accepted.map(({ id }) => id)).toEqual([dead!.id]);
  });

  it('waits as long as the receiver asks, and by the schedule otherwise', async () => {
    const { receiver, clock } = bench;
    await bench.save();
    receiver.answer((response) => response.writeHead(429, { 'retry-after': '3600' }).end(), 500);
    await bench.run();
    const after = async (ms: number) => {
      clock.advance(ms);
      await bench.deliverDue();
      return receiver.events.length;
    };
    expect([await after(0), await after(59 * MINUTE), await after(2 * MINUTE)]).toEqual([1, 1, 2]);
    expect([await after(4 * MINUTE), await after(2 * MINUTE)]).toEqual([2, 3]);
    expect(receiver.accepted).toHaveLength(1);
  });

  it('stops at 410 Gone: the webhook is disabled and says why', async () => {
    const { app, receiver, clock } = bench;
    const webhook = await bench.save();
    receiver.answer(410);
    await bench.run();
    await bench.deliverDue();
    const path = app.path(`webhooks/${webhook.id}`);
    const { body } = await app.request('get', path).expect(200);
    expect(body).toMatchObject({ enabled: false, disabledReason: 'gone' });
    const [gone] = await bench.deliveries(webhook.id);
    expect(gone).toMatchObject({ status: 'failed', attempts: [{ errorCategory: 'gone' }] });
    await bench.run();
    clock.advance(FAR_AHEAD);
    await bench.deliverDue();
    expect(receiver.events).toHaveLength(1);
    const enabled = await app.request('patch', path).send({ enabled: true }).expect(200);
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null });
    await bench.run();
    await bench.deliverDue();
    expect(receiver.accepted).toHaveLength(1);
  });

  it('of a redirect is a failure', async () => {
    const { receiver } = bench;
    const webhook = await bench.save();
    receiver.answer((response) => response.writeHead(307, { location: receiver.url }).end());
    await bench.run();
    await bench.deliverDue();
    const [delivery] = await bench.deliveries(webhook.id);
    expect(delivery).toMatchObject({
      status: 'pending',
      attempts: [{ errorCategory: 'redirect' }],
    });
    expect(receiver.events).toHaveLength(1);
  });

  it('keeps what was queued before it was disabled, and queues nothing while it is', async () => {
    const { app, receiver, clock } = bench;
    const webhook = await bench.save();
    const path = app.path(`webhooks/${webhook.id}`);
    receiver.answer(500);
    const before = await bench.run();
    await bench.deliverDue();
    await app.request('patch', path).send({ enabled: false }).expect(200);
    await bench.run();
    clock.advance(FAR_AHEAD);
    await bench.deliverDue();
    expect(receiver.events).toHaveLength(1);
    const [waiting] = await bench.deliveries(webhook.id);
    const redrive = `${path}/deliveries/${waiting!.id}/redrive`;
    await app.request('post', redrive).expect(422);
    await app.request('patch', path).send({ enabled: true }).expect(200);
    await bench.deliverDue();
    expect(receiver.accepted.map(({ body }) => body.data.id)).toEqual([before]);
  });

  it('of a slow receiver starves no other, and asks it at most four at a time', async () => {
    const { receiver } = bench;
    const slowId = await bench.createWorkspace();
    await bench.save({ url: `${receiver.url}/slow` }, slowId);
    const held: (() => void)[] = [];
    // Before there is anything to deliver: the worker does not wait for the last of the runs.
    receiver.answer(
      ...Array.from({ length: 4 }, () => (response: ServerResponse) => {
        held.push(() => response.writeHead(200).end());
      }),
    );
    await Promise.all(Array.from({ length: 10 }, () => bench.run('echo', slowId)));
    await receiver.untilRequests(4);
    await bench.save();
    await bench.run();
    await receiver.untilRequests(5);
    expect(receiver.events.map(({ path }) => path)).toEqual([
      ...Array<string>(4).fill('/hook/slow'),
      '/hook',
    ]);
    for (const release of held) release();
    await bench.deliverDue();
    expect(new Set(receiver.events.map(({ id }) => id)).size).toBe(11);
    expect(receiver.events).toHaveLength(11);
  });
});
