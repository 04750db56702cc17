import { EventReader, type ReadEvent, textOf } from '../support/event-reader';
import { TestApp } from '../support/test-app';
import { MODELS, TestBench, type VendorId } from '../support/test-bench';

const ASK = { agentId: 'test-agent', stream: true, messages: [{ role: 'user', content: 'Hello' }] };

describe('an execution as a stream', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
    await bench.saveKey('anthropic');
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(() => {
    bench.upstream.script([]);
  });

  const open = (body: object, headers: Record<string, string> = {}) =>
    EventReader.open(bench.app, bench.app.path('executions'), {
      body: { ...ASK, ...body },
      headers,
    });
  const follow = (id: string, lastEventId?: string) =>
    EventReader.open(bench.app, bench.app.path(`executions/${id}/stream`), {
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    });
  const idOf = (reader: EventReader) => reader.header.get('location')!.split('/').at(-1)!;
  const kinds = (events: readonly ReadEvent[]) => [...new Set(events.map(({ event }) => event))];

  /** An execution that waits, after its first piece, for the test to go on. */
  async function paused(provider: VendorId = 'openai') {
    let goOn!: () => void;
    const signal = new Promise<void>((resolve) => (goOn = resolve));
    let closed!: Promise<void>;
    bench.upstream.script([
      {
        stream: async (wire) => {
          closed = wire.untilClosed();
          await wire.start();
          await wire.text('One, ');
          await signal;
          await wire.text('two.');
          await wire.finish();
          wire.end();
        },
      },
    ]);
    const reader = await open({ provider, model: MODELS[provider] });
    const first = await reader.next();
    return { reader, first: first!, goOn, id: idOf(reader), upstreamClosed: () => closed };
  }

  it.each(['openai', 'anthropic'] as const)(
    'on %s comes in pieces and then done, and is recorded as told',
    async (provider) => {
      const { reader, first, goOn, id } = await paused(provider);
      expect(reader.header.get('content-type')).toBe('text/event-stream; charset=utf-8');
      expect(first).toEqual({
        id: '1:5',
        event: 'delta',
        data: { type: 'text', text: 'One, ' },
      });
      goOn();
      const rest = await reader.rest();
      expect(rest.map(({ event }) => event)).toEqual(['delta', 'done']);
      const done = rest.at(-1)!.data;
      expect(done).toMatchObject({
        ...{ id, status: 'completed', mode: 'stream', finishReason: 'stop' },
        output: { content: 'One, two.', toolCalls: [] },
        usage: { inputTokens: 12, outputTokens: 7, source: 'provider' },
        timeToFirstTokenMs: expect.any(Number),
      });
      expect(done.timeToFirstTokenMs).toBeLessThanOrEqual(done.latencyMs as number);
      expect(done.costUsd).not.toBeNull();
      expect(await bench.read(id)).toEqual(done);
    },
  );

  it('on echo needs no key', async () => {
    const reader = await open({ provider: 'echo', model: 'echo' });
    const events = await reader.rest();
    expect(textOf(events)).toBe('Hello');
    expect(kinds(events)).toEqual(['delta', 'done']);
  });

  it('retries before the first piece, unseen', async () => {
    bench.upstream.script([{ status: 500 }, { ok: true, content: 'Second try.' }]);
    const reader = await open({ provider: 'openai', model: MODELS.openai });
    const events = await reader.rest();
    expect(textOf(events)).toBe('Second try.');
    expect(events.at(-1)!.data.attempts).toHaveLength(2);
  });

  it('is not retried after it: it ends with an error and what was used', async () => {
    bench.upstream.script([
      {
        stream: async (wire) => {
          await wire.start();
          await wire.text('Half an ');
          wire.reset();
        },
      },
    ]);
    const reader = await open({ provider: 'openai', model: MODELS.openai });
    const events = await reader.rest();
    expect(events.map(({ event }) => event)).toEqual(['delta', 'error']);
    const problem = events.at(-1)!.data;
    expect(problem).toMatchObject({
      code: 'response_truncated',
      executionId: idOf(reader),
      billed: 'partial',
    });
    const record = await bench.read(idOf(reader));
    expect(record).toMatchObject({
      status: 'failed',
      output: { content: 'Half an ' },
      usage: { source: 'estimated' },
      attempts: [{ status: 'failed', billed: 'partial' }],
    });
    expect(record.costUsd).toBe(record.attempts[0].costUsd);
    expect(record.costUsd).not.toBeNull();
  });

  it('never completes without the terminal marker of the vendor', async () => {
    bench.upstream.script([
      {
        stream: async (wire) => {
          await wire.start();
          await wire.text('All there is');
          wire.end();
        },
      },
    ]);
    const reader = await open({ provider: 'anthropic', model: MODELS.anthropic });
    const events = await reader.rest();
    expect(events.at(-1)!.event).toBe('error');
    expect((await bench.read(idOf(reader))).status).toBe('failed');
  });

  it('answers with an ordinary problem while nothing has begun', async () => {
    const answer = await bench.run({
      stream: true,
      provider: 'openai',
      model: 'x',
      apiKeyId: idOf0,
    });
    expect(answer.status).toBe(424);
    expect(answer.headers['content-type']).toMatch(/problem\+json/);
  });
  const idOf0 = '01999999-0000-7000-8000-000000000000';

  it('goes on for a client that hangs up, and can be read from where it stood', async () => {
    const { reader, first, goOn, id } = await paused();
    reader.hangUp();
    const second = await follow(id, first.id);
    goOn();
    const events = await second.rest();
    expect(textOf(events)).toBe('two.');
    expect(events.at(-1)).toMatchObject({ event: 'done', data: { id, status: 'completed' } });
    expect(textOf(await (await follow(id)).rest())).toBe('One, two.');
    expect(bench.upstream.paidCalls.at(-1)).toBeDefined();
  });

  it('has any number of readers, who all read the same', async () => {
    const { reader, first, goOn, id } = await paused();
    const others = await Promise.all(Array.from({ length: 20 }, () => follow(id)));
    goOn();
    const own = [first, ...(await reader.rest())];
    for (const other of others) expect(await other.rest()).toEqual(own);
  });

  it('is cancelled with its client where the workspace wants that', async () => {
    const path = `/api/workspaces/${bench.app.workspaceId}`;
    await bench.app.request('patch', path).send({ onDisconnect: 'cancel' }).expect(200);
    try {
      const { reader, id, upstreamClosed } = await paused();
      reader.hangUp();
      const events = await (await follow(id)).rest();
      await upstreamClosed();
      expect(events.at(-1)).toMatchObject({ event: 'error', data: { code: 'cancelled' } });
      expect(await bench.read(id)).toMatchObject({
        status: 'cancelled',
        output: { content: 'One, ' },
        usage: { source: 'estimated' },
      });
    } finally {
      await bench.app.request('patch', path).send({ onDisconnect: 'finish' }).expect(200);
    }
  });

  it('is followed from the ledger on another server, to its end', async () => {
    const node = await TestApp.start({ nodeOf: bench.app });
    try {
      const { reader, first, goOn, id } = await paused();
      const elsewhere = await EventReader.open(node, node.path(`executions/${id}/stream`), {
        headers: { 'last-event-id': first.id },
      });
      goOn();
      await reader.rest();
      const events = await elsewhere.rest();
      expect(textOf(events)).toBe('two.');
      expect(events.at(-1)).toMatchObject({ event: 'done', data: { id } });
    } finally {
      await node.close();
    }
  });

  it('tells only the end of an execution that was not streamed', async () => {
    const { body } = await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
    const events = await (await follow(body.id as string)).rest();
    expect(textOf(events)).toBe(body.output.content);
    expect(events.at(-1)!.data).toEqual(body);
  });

  it.each(['x', '-1:0', '1', '99999999999:1', '1:1\u00e4'.slice(0, 3)])(
    'reads from the beginning after the Last-Event-ID %s',
    async (lastEventId) => {
      const { body } = await bench.run({ provider: 'echo', model: 'echo' }).expect(201);
      const events = await (await follow(body.id as string, lastEventId)).rest();
      expect(events.at(-1)!.event).toBe('done');
    },
  );

  it('leaves a usage row for each of many clients that hang up', async () => {
    const clients = 100;
    const before = (await list()).length;
    const readers = await Promise.all(
      Array.from({ length: clients }, () => open({ provider: 'openai', model: MODELS.openai })),
    );
    for (const reader of readers) reader.hangUp();
    for (const reader of readers) await (await follow(idOf(reader))).rest();
    const rows = await list();
    expect(rows.length - before).toBe(clients);
    expect(rows.filter((row) => row.status !== 'completed' || row.tokens === null)).toEqual([]);
  });

  async function list(): Promise<{ status: string; tokens: number | null }[]> {
    return bench.app.database.dataSource.query(
      `SELECT status, output_tokens AS tokens FROM agent_executions
        WHERE mode = 'stream' AND provider = 'openai' AND status = 'completed'`,
    );
  }
});
