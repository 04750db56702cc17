import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response } from 'express';
import { SseResponse } from './sse-response';

describe('an answer as server-sent events', () => {
  let server: Server;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    server.close();
  });

  it('is over at once for a client that left before it began', async () => {
    const { port } = server.address() as AddressInfo;
    const client = request({ port, host: '127.0.0.1', method: 'POST' });
    client.on('error', () => undefined).end();
    const [, response] = (await once(server, 'request')) as [unknown, Response];
    client.destroy();
    await once(response, 'close');
    // What express adds.
    const answer = Object.assign(response, {
      status: () => answer,
      set: () => answer,
    }) as unknown as Response;

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
});
