import { once } from 'node:events';
import { type ClientRequest, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response } from 'express';
import { AppError } from '../../common';
import type { StreamSource } from './execution-stream';
import { SseResponse } from './sse-response';

const PIECE = 'x'.repeat(10_000);
const BACKLOG_MAX = 1024 * 1024;

describe('an answer as server-sent events', () => {
  let server: Server;
  let client: ClientRequest;
  let answer: Response;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    client = request({ port, host: '127.0.0.1', method: 'POST', agent: false });
    client.on('error', () => undefined).end();
    const [, response] = (await once(server, 'request')) as [unknown, Response];
    // What express adds.
    answer = Object.assign(response, { status: () => answer, set: () => answer });
  });

  afterEach(() => {
    jest.useRealTimers();
    client.destroy();
    server.closeAllConnections();
    server.close();
  });

  /** Pieces without end. */
  const endless = (): StreamSource & { given: number } => ({
    given: 0,
    next() {
      const position = { events: (this.given += 1), characters: 0 };
      return { type: 'delta', delta: { type: 'text', text: PIECE }, position };
    },
    onMore: () => () => undefined,
  });

  /** Resolves when a client that does not read has all that it will take. */
  const isFull = async (source: { given: number }) => {
    for (let quiet = 0; quiet < 50; quiet += 1) {
      const before = source.given;
      await new Promise((resolve) => setImmediate(resolve));
      if (before !== source.given) quiet = 0;
    }
  };

  it('is over at once for a client that left before it began', async () => {
    client.destroy();
    await once(answer, 'close');
    const begun = jest.spyOn(global, 'setInterval');
    const ended = jest.spyOn(global, 'clearInterval');
    const goneAt: string[] = [];
    const stream = new SseResponse(answer, { requestId: 'id', onGone: () => goneAt.push('gone') });
    expect(stream.isOpen).toBe(false);
    expect(goneAt).toEqual(['gone']);
    expect(begun).toHaveBeenCalledTimes(1);
    expect(ended).toHaveBeenCalledWith(begun.mock.results[0]!.value);
    begun.mockRestore();
    ended.mockRestore();
  });

  it('waits for a client that does not read, then drops it, and holds little for it meanwhile', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance'] });
    // Without a listener the answer would be read and thrown away.
    client.on('response', (response) => response.pause());
    const onGone = jest.fn();
    const stream = new SseResponse(answer, { requestId: 'id', onGone });
    const source = endless();
    stream.read(source);
    await isFull(source);
    expect(stream.isBehind).toBe(true);
    expect(answer.writableLength).toBeLessThan(BACKLOG_MAX);
    jest.advanceTimersByTime(29_000);
    expect(stream.isOpen).toBe(true);
    jest.advanceTimersByTime(1_000);
    await once(answer, 'close');
    expect([stream.isOpen, onGone.mock.calls.length]).toEqual([false, 1]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('goes on where it waited when the client reads again', async () => {
    const stream = new SseResponse(answer, { requestId: 'id' });
    const source = endless();
    stream.read(source);
    const [response] = (await once(client, 'response')) as [NodeJS.ReadableStream];
    await isFull(source);
    const { given } = source;
    response.resume();
    while (source.given < 3 * given) await once(response, 'data');
    expect(stream.isOpen).toBe(true);
  });

  it('that fails in the middle of an event ends without a word in it', async () => {
    const stream = new SseResponse(answer, { requestId: 'id' });
    const long = endless();
    stream.read({
      ...long,
      next: () => {
        const delta = { type: 'text', text: 'x'.repeat(50_000_000) } as const;
        return { type: 'delta', delta, position: { events: 1, characters: 0 } };
      },
    });
    const [response] = (await once(client, 'response')) as [NodeJS.ReadableStream];
    stream.fail(new AppError('internal'));
    let text = '';
    for await (const piece of response) text += String(piece);
    expect(text.startsWith('id: 1:0\nevent: delta\ndata: {"type":"text","text":"xxx')).toBe(true);
    expect([text.includes('\n\n'), text.includes('error'), stream.isOpen]).toEqual([
      false,
      false,
      false,
    ]);
  });
});
