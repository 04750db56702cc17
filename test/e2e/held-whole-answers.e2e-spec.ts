import { once } from 'node:events';
import type { Socket } from 'node:net';
import { HeldAnswersLimit } from '../../src/executions/streams/held-answers';
import { EventReader, textOf } from '../support/event-reader';
import { expectProblem } from '../support/problem-of';
import { openSocket } from '../support/raw-http';
import { MODELS, TestBench } from '../support/test-bench';

/** More than sockets take of what nobody reads, so that a client that does not read holds it. */
const CHARACTERS = 14 * 1024 * 1024;
const PIECES = 14;
/** Of one such answer, and of much else that is in it. */
const ROOM_FOR_ONE = 3 * CHARACTERS;

const LONG = 'a'.repeat(CHARACTERS);

describe('whole answers that are long', () => {
  const limit = { bytes: ROOM_FOR_ONE, stalledMs: 30_000 };
  let bench: TestBench;
  let id: string;
  let key: string;
  let sockets: Socket[];

  beforeAll(async () => {
    bench = await TestBench.start({}, { replaced: [HeldAnswersLimit, limit] });
    await bench.saveKey('openai');
    bench.upstream.script([{ ok: true, content: LONG }]);
    key = 'long';
    const { body } = await bench.run(ASKED).set('idempotency-key', key).expect(201);
    id = body.id as string;
  });

  afterAll(async () => {
    await bench.close();
  });

  beforeEach(() => {
    limit.stalledMs = 30_000;
    sockets = [];
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await untilRoom();
  });

  const ASKED = { provider: 'openai', model: MODELS.openai } as const;

  const read = () => bench.app.request('get', bench.app.path(`executions/${id}`));
  const cancel = () => bench.app.request('post', bench.app.path(`executions/${id}/cancel`));
  const repeat = () => bench.run(ASKED).set('idempotency-key', key);
  const follow = () => EventReader.open(bench.app, bench.app.path(`executions/${id}/stream`));

  /** A client that takes the head of its answer and nothing more. */
  const askAndNotRead = async (method: string, path: string, body?: object): Promise<string> => {
    const socket = openSocket(bench.app);
    sockets.push(socket);
    const text = body === undefined ? '' : JSON.stringify(body);
    socket.write(
      `${method} ${bench.app.path(path)} HTTP/1.1\r\nhost: 127.0.0.1\r\n` +
        `authorization: Bearer ${bench.app.ownerToken}\r\ncontent-type: application/json\r\n` +
        `content-length: ${text.length}\r\n\r\n${text}`,
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    return head.toString().split('\r\n')[0]!;
  };

  const payAndNotRead = (): Promise<string> => {
    bench.upstream.script([{ ok: true, content: LONG }]);
    const message = { messages: [{ role: 'user', content: 'Hello' }], agentId: 'a' };
    return askAndNotRead('POST', 'executions', { ...ASKED, ...message });
  };

  /** Each look is a round trip. */
  const untilRoom = async () => {
    while ((await read()).status === 429);
  };

  const expectRefused = async () => {
    for (const answer of [await read(), await cancel(), await repeat()]) {
      expectProblem(answer, 'too_many_requests');
      expect(answer.headers['retry-after']).toBe('10');
      expect(answer.headers).not.toHaveProperty('idempotent-replayed');
    }
    expect((await follow()).response.status).toBe(429);
  };

  it('are limited together with those that are followed, and have room again when one is gone', async () => {
    expect(await askAndNotRead('GET', `executions/${id}`)).toBe('HTTP/1.1 200 OK');
    await expectRefused();
    sockets[0]!.destroy();
    await untilRoom();
    for (const answer of [await read().expect(200), await repeat().expect(201)]) {
      expect(answer.body.output.content === LONG).toBe(true);
    }
    expect((await cancel().expect(200)).body.status).toBe('completed');
  });

  it('find no room while others are followed', async () => {
    const reader = await follow();
    expect((await reader.next())!.event).toBe('delta');
    await expectRefused();
    reader.hangUp();
  });

  it('are told whoever has just paid for them, and take the room of others', async () => {
    for (let count = 0; count < 3; count += 1)
      expect(await payAndNotRead()).toBe('HTTP/1.1 201 Created');
    bench.upstream.script([{ ok: true, content: LONG }]);
    const { body } = await bench.run(ASKED).expect(201);
    expect(body.output.content === LONG).toBe(true);
    await expectRefused();
    for (const socket of sockets.slice(1)) socket.destroy();
    await expectRefused();
  });

  it('let short ones pass', async () => {
    for (let count = 0; count < 2; count += 1) await payAndNotRead();
    bench.upstream.script([{ ok: true, content: 'short' }]);
    const { body } = await bench.run(ASKED).set('idempotency-key', 'short').expect(201);
    await bench.readDetail(body.id as string);
    const again = await bench.run(ASKED).set('idempotency-key', 'short').expect(201);
    expect(again.headers['idempotent-replayed']).toBe('true');
    await expectRefused();
  });

  it('are not held for a client that takes nothing of them for long', async () => {
    limit.stalledMs = 200;
    await askAndNotRead('GET', `executions/${id}`);
    limit.stalledMs = 30_000;
    await untilRoom();
    const answer = await read().expect(200);
    expect(answer.body.output.content === LONG).toBe(true);
  });

  it('are counted when a stream has ended that is still read, once for all who read it', async () => {
    let goOn!: () => void;
    const joined = new Promise<void>((resolve) => (goOn = resolve));
    bench.upstream.script([
      {
        stream: async (wire) => {
          await wire.start();
          for (let piece = 0; piece < PIECES; piece += 1) {
            await wire.text(LONG.slice(0, CHARACTERS / PIECES));
          }
          await joined;
          await wire.finish();
          wire.end();
        },
      },
    ]);
    const first = await EventReader.open(bench.app, bench.app.path('executions'), {
      body: { ...ASKED, stream: true, agentId: 'a', messages: [{ role: 'user', content: 'x' }] },
    });
    const streamed = first.header.get('location')!.split('/').at(-1)!;
    const late = await EventReader.open(bench.app, bench.app.path(`executions/${streamed}/stream`));
    expect((await late.next())!.event).toBe('delta');
    await read().expect(200);
    goOn();
    while ((await read()).status !== 429);
    await expectRefused();
    first.hangUp();
    await expectRefused();
    expect(textOf(await late.rest()).length).toBeGreaterThan(CHARACTERS / 2);
    await untilRoom();
  });
});
