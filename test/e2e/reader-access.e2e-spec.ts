import { AccessCheckInterval } from '../../src/executions/streams/access-check-interval';
import { StandingAccess } from '../../src/workspaces';
import { EventReader } from '../support/event-reader';
import { MODELS, TestBench } from '../support/test-bench';

const INTERVAL_MS = 20;

interface Made {
  readonly id: string;
  readonly token: string;
}

describe('whoever reads a stream or a feed', () => {
  let bench: TestBench;
  let ends: (() => void)[];

  beforeAll(async () => {
    const interval: AccessCheckInterval = { milliseconds: INTERVAL_MS };
    bench = await TestBench.start({}, { replaced: [AccessCheckInterval, interval] });
    await bench.saveKey('openai');
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(() => {
    ends = [];
  });

  afterEach(() => {
    for (const end of ends) end();
  });

  const make = async (fields: object = {}): Promise<Made> => {
    const body = { name: 'Reader', role: 'developer', ...fields };
    return (await bench.app.request('post', bench.app.path('tokens')).send(body).expect(201)).body;
  };
  const sql = (text: string, values: unknown[]) =>
    bench.app.database.dataSource.query<unknown[]>(text, values);

  /** An execution that waits for the end of the test, its stream as it was started with the token. */
  const begin = async (token: string) => {
    let goOn!: () => void;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    ends.push(goOn);
    bench.upstream.script([
      {
        stream: async (wire) => {
          await wire.start();
          await wire.text('One, ');
          await gate;
          await wire.text('two.');
          await wire.finish();
          wire.end();
        },
      },
    ]);
    const own = await EventReader.open(bench.app, bench.app.path('executions'), {
      token,
      body: {
        ...{ agentId: 'one', stream: true, provider: 'openai', model: MODELS.openai },
        messages: [{ role: 'user', content: 'Hello' }],
      },
    });
    expect((await own.next())!.event).toBe('delta');
    return { own, goOn, id: own.header.get('location')!.split('/').at(-1)! };
  };
  const open = async (path: string, token: string | null, headers = {}) => {
    const reader = await EventReader.open(bench.app, bench.app.path(path), { token, headers });
    ends.push(() => {
      reader.hangUp();
    });
    expect([reader.response.status, typeof (await reader.next())?.event]).toEqual([200, 'string']);
    return reader;
  };
  const all = async (token: string) => {
    const { own, goOn, id } = await begin(token);
    const stream = await open(`executions/${id}/stream`, token);
    const feed = await open('executions/feed?agentId=one&limit=1', token);
    return { own, stream, feed, goOn, id };
  };
  /** The code of its last event, after which the answer ends. */
  const endOf = async (reader: EventReader) => {
    const events = await reader.rest();
    const { event, data, id } = events.at(-1)!;
    return [event, data.code, id];
  };
  const endsOf = async ({ own, stream, feed }: Awaited<ReturnType<typeof all>>) =>
    Promise.all([endOf(own), endOf(stream), endOf(feed)]);

  it.each([
    ['is deleted', 'DELETE FROM access_tokens WHERE id = $1', 'unauthenticated'],
    ['ends', 'UPDATE access_tokens SET expires_at = now() WHERE id = $1', 'unauthenticated'],
    ['loses it', 'DELETE FROM access_token_grants WHERE token_id = $1', 'not_found'],
    [
      'is narrowed',
      `UPDATE access_tokens SET scopes = '{workspace:read}' WHERE id = $1`,
      'forbidden',
    ],
    [
      'is bound to another agent',
      `UPDATE access_tokens SET agent_id = 'two' WHERE id = $1`,
      'forbidden',
    ],
  ])('is told the end when their token %s, and the execution goes on', async (_, change, code) => {
    const { id: tokenId, token } = await make();
    const readers = await all(token);
    await sql(change, [tokenId]);
    expect(await endsOf(readers)).toEqual(Array(3).fill(['error', code, '']));
    readers.goOn();
    const others = await open(`executions/${readers.id}/stream`, bench.app.ownerToken);
    expect((await others.rest()).at(-1)!.event).toBe('done');
  });

  it('is told the end when the secret before a rotation ends', async () => {
    const { id: tokenId, token } = await make();
    const rotated = await bench.app
      .request('post', bench.app.path(`tokens/${tokenId}/rotate`))
      .send({ overlapSeconds: 3_600 })
      .expect(201);
    const [old, current] = [await all(token), await all(rotated.body.token as string)];
    await sql('UPDATE access_tokens SET previous_expires_at = now() WHERE id = $1', [tokenId]);
    expect(await endsOf(old)).toEqual(Array(3).fill(['error', 'unauthenticated', '']));
    current.goOn();
    expect((await current.own.rest()).at(-1)!.event).toBe('done');
  });

  it('may read on with a lower role, though not what a higher one started', async () => {
    const { id: tokenId, token } = await make();
    const { own, stream, feed, goOn, id } = await all(token);
    await sql(`UPDATE access_token_grants SET role = 'viewer' WHERE token_id = $1`, [tokenId]);
    expect(await endOf(own)).toEqual(['error', 'forbidden', '']);
    goOn();
    expect((await stream.rest()).at(-1)).toMatchObject({ event: 'done', data: { id } });
    let told = await feed.next();
    while (told?.data.status !== 'completed') told = await feed.next();
    expect(told.data.id).toBe(id);
  });

  it('is a client that is gone, where executions are cancelled with their clients', async () => {
    const path = `/api/workspaces/${bench.app.workspaceId}`;
    await bench.app.request('patch', path).send({ onDisconnect: 'cancel' }).expect(200);
    const { id: tokenId, token } = await make();
    const { own, id } = await begin(token);
    await bench.app.request('delete', bench.app.path(`tokens/${tokenId}`)).expect(204);
    expect(await endOf(own)).toEqual(['error', 'unauthenticated', '']);
    const others = await EventReader.open(bench.app, bench.app.path(`executions/${id}/stream`));
    expect(await endOf(others)).toEqual(['error', 'cancelled', expect.any(String)]);
    await bench.app.request('patch', path).send({ onDisconnect: 'finish' }).expect(200);
  });

  it('with a cookie is told the end of the session, and is not kept signed in by reading', async () => {
    const signedIn = await bench.app.request('post', '/api/session').expect(201);
    const [cookie] = signedIn.headers['set-cookie'] as unknown as string[];
    const headers = { cookie: cookie!.split(';')[0]! };
    await bench.run({ provider: 'echo', model: 'echo', agentId: 'one' }).expect(201);
    const feed = await open('executions/feed?agentId=one&limit=1', null, headers);
    const idle = `UPDATE sessions SET last_used_at = now() - interval '1 hour' + interval '300 ms'`;
    await sql(`${idle} WHERE $1 = 1`, [1]);
    expect(await endOf(feed)).toEqual(['error', 'unauthenticated', '']);
    expect(
      await sql(`SELECT FROM sessions WHERE last_used_at > now() - interval '59 minutes'`, []),
    ).toEqual([]);
  });

  it('with a cookie is told the end when they sign out', async () => {
    const signedIn = await bench.app.request('post', '/api/session').expect(201);
    const [cookie] = signedIn.headers['set-cookie'] as unknown as string[];
    const headers = { cookie: cookie!.split(';')[0]! };
    await bench.run({ provider: 'echo', model: 'echo', agentId: 'one' }).expect(201);
    const feed = await open('executions/feed?agentId=one&limit=1', null, headers);
    await bench.app
      .request('delete', '/api/session', null)
      .set({ Cookie: headers.cookie, 'x-keyrun-csrf': '1', 'sec-fetch-site': 'same-origin' })
      .expect(204);
    expect(await endOf(feed)).toEqual(['error', 'unauthenticated', '']);
  });

  it('reads on while it cannot be asked whether they may', async () => {
    const rename = (from: string, to: string) =>
      sql(`ALTER FUNCTION ${from}(json) RENAME TO ${to}`, []);
    const { id: tokenId, token } = await make();
    const readers = await all(token);
    await rename('look_up_access', 'looked_up_access');
    await bench.app.request('delete', bench.app.path(`tokens/${tokenId}`)).expect(204);
    const asked = jest.spyOn(bench.app.app.get(StandingAccess, { strict: false }), 'examine');
    while (asked.mock.calls.length < 2) await new Promise((resolve) => setImmediate(resolve));
    asked.mockRestore();
    readers.goOn();
    expect((await readers.own.rest()).at(-1)!.event).toBe('done');
    await rename('looked_up_access', 'look_up_access');
    expect(await endOf(readers.feed)).toEqual(['error', 'unauthenticated', '']);
  });
});
