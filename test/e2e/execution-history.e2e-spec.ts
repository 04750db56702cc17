import { EventReader, textOf } from '../support/event-reader';
import { MODELS, TestBench } from '../support/test-bench';

const PIECES = 120;
/** 13 MiB in UTF-8, with pairs of surrogates across borders. */
const PIECE = `🔑${'x🔑y"ä'.repeat(10_922)}`;
const LONG = PIECE.repeat(PIECES);

describe('a long answer that is read again', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
    await bench.saveKey('openai');
  });

  afterAll(async () => {
    await bench.close();
  });

  const follow = (id: string, lastEventId = '') =>
    EventReader.open(bench.app, bench.app.path(`executions/${id}/stream`), {
      headers: { 'last-event-id': lastEventId },
    });

  /** Text by text: a failure must not print 14 MB. */
  const readsWhole = async (reader: EventReader, text = LONG) => {
    const events = await reader.rest();
    expect(events.at(-1)?.event).toBe('done');
    expect(textOf(events) === text).toBe(true);
    expect(events.at(-1)!.data.output.content === LONG).toBe(true);
    return events;
  };

  const ask = (key?: string) =>
    EventReader.open(bench.app, bench.app.path('executions'), {
      headers: key === undefined ? {} : { 'idempotency-key': key },
      body: {
        ...{ agentId: 'test-agent', stream: true, provider: 'openai', model: MODELS.openai },
        messages: [{ role: 'user', content: 'Hello' }],
      },
    });

  /** @param joined - when the last piece may come. */
  const giveInPieces = (joined: Promise<void>) => {
    bench.upstream.script([
      {
        stream: async (wire) => {
          await wire.start();
          for (let count = 1; count < PIECES; count += 1) await wire.text(PIECE);
          await joined;
          await wire.text(PIECE);
          await wire.finish();
          wire.end();
        },
      },
    ]);
  };

  it('comes whole out of the ledger, and from where its reader stood', async () => {
    bench.upstream.script([{ ok: true, content: LONG }]);
    const { body } = await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
    const events = await readsWhole(await follow(body.id as string));
    const { id } = events[60]!;
    const read = textOf(events.slice(0, 61)).length;
    await readsWhole(await follow(body.id as string, id), LONG.slice(read));
  });

  it('comes whole to who repeats its stream under an Idempotency-Key', async () => {
    giveInPieces(Promise.resolve());
    const first = await ask('long');
    const told = await first.rest();
    const again = await ask('long');
    expect(again.header.get('idempotent-replayed')).toBe('true');
    const events = await readsWhole(again);
    expect(JSON.stringify(events.at(-1)!.data) === JSON.stringify(told.at(-1)!.data)).toBe(true);
  });

  it('comes whole to who joins late while it is still given', async () => {
    let goOn!: () => void;
    const joined = new Promise<void>((resolve) => (goOn = resolve));
    giveInPieces(joined);
    const first = await ask();
    const id = first.header.get('location')!.split('/').at(-1)!;
    let read = 0;
    while (read < LONG.length - PIECE.length) read += textOf([(await first.next())!]).length;
    const late = await follow(id);
    expect((await late.next())!.event).toBe('delta');
    goOn();
    expect((await late.rest()).at(-1)!.data.output.content === LONG).toBe(true);
    expect((await first.rest()).at(-1)!.event).toBe('done');
  });
});
