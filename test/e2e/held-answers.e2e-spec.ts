import { HeldAnswersLimit } from '../../src/executions/streams/held-answers';
import { EventReader, textOf } from '../support/event-reader';
import { MODELS, TestBench } from '../support/test-bench';

/** More than sockets take of what nobody reads, so that a reader who does not read holds it. */
const CHARACTERS = 14 * 1024 * 1024;
const LIMIT_BYTES = 3 * 2 * CHARACTERS;

describe('stored answers that are read', () => {
  let bench: TestBench;
  let ids: string[];
  let readers: EventReader[];

  beforeAll(async () => {
    const limit: HeldAnswersLimit = { bytes: LIMIT_BYTES, stalledMs: 30_000 };
    bench = await TestBench.start({}, { replaced: [HeldAnswersLimit, limit] });
    await bench.saveKey('openai');
    ids = [];
    for (const letter of ['a', 'b', 'c', 'd']) {
      bench.upstream.script([{ ok: true, content: letter.repeat(CHARACTERS) }]);
      const { body } = await bench.run({ provider: 'openai', model: MODELS.openai }).expect(201);
      expect((body.output.content as string) === letter.repeat(CHARACTERS)).toBe(true);
      ids.push(body.id as string);
    }
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(() => {
    readers = [];
  });

  afterEach(() => {
    for (const reader of readers) reader.hangUp();
  });

  const follow = async (id: string, token?: string) => {
    const path = bench.app.path(`executions/${id}/stream`);
    const reader = await EventReader.open(bench.app, path, { token });
    readers.push(reader);
    return reader;
  };

  it('are limited over all readers, whoever they are, and have room again when one is gone', async () => {
    const tokens = await Promise.all([1, 2, 3, 4].map(() => bench.app.tokenOf('developer')));
    for (const place of [0, 1, 2]) {
      const reader = await follow(ids[place]!, tokens[place]);
      expect([reader.response.status, (await reader.next())!.event]).toEqual([200, 'delta']);
    }
    const refused = await follow(ids[3]!, tokens[3]);
    expect([refused.response.status, refused.header.get('retry-after')]).toEqual([429, '10']);
    readers[0]!.hangUp();
    let again = await follow(ids[3]!, tokens[3]);
    while (again.response.status === 429) again = await follow(ids[3]!, tokens[3]);
    const events = await again.rest();
    expect(textOf(events) === 'd'.repeat(CHARACTERS)).toBe(true);
    expect(events.at(-1)!.event).toBe('done');
  });

  it('keep nobody from what is in memory anyway', async () => {
    for (const id of ids.slice(0, 3)) await (await follow(id)).next();
    expect((await follow(ids[3]!)).response.status).toBe(429);
    const stream = await EventReader.open(bench.app, bench.app.path('executions'), {
      body: {
        ...{ agentId: 'a', stream: true, provider: 'echo', model: 'echo' },
        messages: [{ role: 'user', content: 'x' }],
      },
    });
    expect((await stream.rest()).at(-1)!.event).toBe('done');
    const id = stream.header.get('location')!.split('/').at(-1)!;
    expect((await (await follow(id)).rest()).at(-1)!.event).toBe('done');
  });
});
