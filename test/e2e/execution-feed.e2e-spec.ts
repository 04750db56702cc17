import { EventReader, type ReadEvent } from '../support/event-reader';
import { faultyFields } from '../support/problem-of';
import { TestBench } from '../support/test-bench';

const ECHO = { provider: 'echo', model: 'echo' };

describe('the feed of executions', () => {
  let bench: TestBench;

  beforeAll(async () => {
    bench = await TestBench.start();
  });

  afterAll(async () => {
    await bench.close();
  });

  const follow = (query = '', token?: string) =>
    EventReader.open(bench.app, bench.app.path(`executions/feed${query}`), { token });
  const brief = ({ event, data }: ReadEvent) => [event, data.id, data.status];

  it('tells each execution as the list does, and again when it changes', async () => {
    const { body: first } = await bench.run(ECHO).expect(201);
    const feed = await follow();
    expect(feed.header.get('content-type')).toMatch(/^text\/event-stream/);
    const [listed] = (await bench.app.request('get', bench.app.path('executions?limit=1'))).body
      .data;
    const told = await feed.next();
    expect([told!.event, told!.data]).toEqual(['execution', listed]);
    expect(told!.data.id).toBe(first.id);

    const { body: slow } = await bench
      .run({ ...ECHO, model: 'slow' })
      .set('Prefer', 'respond-async')
      .expect(202);
    const changes: unknown[] = [];
    for (let status = ''; status !== 'completed';) {
      const event = (await feed.next())!;
      changes.push(brief(event));
      status = event.data.status as string;
    }
    expect(changes.at(-1)).toEqual(['execution', slow.id, 'completed']);
    expect(changes.length).toBeGreaterThan(1);
    feed.hangUp();
  });

  it('takes the filters of the list', async () => {
    await bench.run({ ...ECHO, agentId: 'one' }).expect(201);
    const { body } = await bench.run({ ...ECHO, agentId: 'two' }).expect(201);
    const feed = await follow('?agentId=two&limit=1');
    expect(brief((await feed.next())!)).toEqual(['execution', body.id, 'completed']);
    feed.hangUp();
    const answer = await bench.app.request('get', bench.app.path('executions/feed?limit=101'));
    expect(faultyFields(answer)).toEqual(['?limit']);
  });

  it('and streams may be fifty to a token, and are free again when they are closed', async () => {
    const token = await bench.app.tokenOf('developer');
    const stream = () =>
      EventReader.open(bench.app, bench.app.path('executions'), {
        ...{ token, headers: { 'idempotency-key': 'stream' } },
        body: { ...ECHO, agentId: 'a', stream: true, messages: [{ role: 'user', content: 'x' }] },
      });
    await (await stream()).rest();
    const feeds = await Promise.all(Array.from({ length: 50 }, () => follow('?limit=1', token)));
    // A repetition is a reader as well: who takes nothing of it costs the server its answer.
    for (const refused of [await follow('?limit=1', token), await stream()]) {
      expect([refused.response.status, refused.header.get('retry-after')]).toEqual([429, '10']);
      expect(refused.header.get('idempotent-replayed')).toBeNull();
    }
    for (const feed of feeds) feed.hangUp();
    let again = await follow('?limit=1', token);
    while (again.response.status === 429) again = await follow('?limit=1', token);
    expect(again.response.status).toBe(200);
    again.hangUp();
  });

  it('tells a token nothing more once it is revoked', async () => {
    const made = await bench.app
      .request('post', bench.app.path('tokens'))
      .send({ name: 'Soon revoked', role: 'viewer' })
      .expect(201);
    await bench.run({ ...ECHO, agentId: 'revoked' }).expect(201);
    const feed = await follow('?agentId=revoked', made.body.token as string);
    expect((await feed.next())!.event).toBe('execution');
    await bench.app.request('delete', bench.app.path(`tokens/${made.body.id}`)).expect(204);
    await bench.run({ ...ECHO, agentId: 'revoked' }).expect(201);
    // A second feed, of a token that lives, has meanwhile looked twice: so has the first.
    const other = await follow('?agentId=revoked&limit=3');
    await other.next();
    await other.next();
    await bench.run({ ...ECHO, agentId: 'revoked' }).expect(201);
    await other.next();
    const silence = new Promise((resolve) => setImmediate(resolve, 'silent'));
    expect(await Promise.race([feed.next(), silence])).toBe('silent');
    other.hangUp();
    feed.hangUp();
  });
});
