import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, type Server } from 'node:net';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Behaviour, FaultyUpstream } from '../../../test/support/faulty-upstream';
import {
  failureOf,
  transportTo,
  type TransportUnderTest,
} from '../../../test/support/faulty-upstream/transport-under-test';
import type { TransportLimits } from '.';

const LONG_MS = 10_000;
const HALF_AN_ANSWER: Behaviour = { fault: 'half-json-stall' };
/** Generous for a loaded machine; far below every limit that would end the call otherwise. */
const SLACK_MS = 8_000;

describe.each(['openai', 'anthropic'] as const)('ProviderTransport under the %s SDK', (vendor) => {
  let upstream: FaultyUpstream;
  let subject: TransportUnderTest;

  beforeEach(async () => {
    upstream = await FaultyUpstream.start();
    subject = transportTo(upstream.host);
    await open({ idleTimeoutMs: 150, maxBodyBytes: 1_000_000 });
  });

  afterEach(async () => {
    await subject.transport.close();
    await upstream.close();
  });

  async function open(limits: Partial<TransportLimits>): Promise<void> {
    await subject.transport.close();
    subject = transportTo(upstream.host, { limits });
  }

  function call(timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    return subject.transport.call({ timeoutMs, signal }, subject.generate[vendor]);
  }

  it('returns what the SDK makes of the answer', async () => {
    const answer = await call(LONG_MS);
    expect(answer).toMatchObject({
      model: 'm',
      usage: expect.anything(),
      _request_id: 'req_upstream',
    });
    expect(upstream.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('opens connections outside of the request that needs them, which they would keep', async () => {
    const requests = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const note = () => seen.push(requests.getStore());
    subscribe('undici:client:beforeConnect', note);
    try {
      const resumed = await requests.run('a request', async () => {
        await call(LONG_MS);
        return requests.getStore();
      });
      expect(resumed).toBe('a request');
    } finally {
      unsubscribe('undici:client:beforeConnect', note);
    }
    expect(seen).toEqual([undefined]);
  });

  it.each<[Behaviour, object, number]>([
    [{ fault: 'never-answer' }, lost('timeout_no_response', 'unknown'), 0],
    [{ fault: 'reset-before-headers' }, lost('connection_lost', 'unknown'), 0],
    [{ fault: 'accept-then-close' }, lost('connection_lost', 'unknown'), 0],
    [{ fault: 'not-http' }, lost('invalid_response', 'unknown'), 0],
    [{ fault: 'headers-stall' }, lost('response_truncated', 'yes'), 1],
    [{ fault: 'half-json-stall' }, lost('response_truncated', 'yes'), 1],
    [{ fault: 'half-json-close' }, lost('response_truncated', 'yes'), 1],
    [{ fault: 'reset-in-body' }, lost('response_truncated', 'yes'), 1],
    [{ fault: 'slow-drip' }, { ...lost('deadline_exceeded', 'yes'), retry: 'never' }, 1],
    [{ fault: 'junk', bytes: 1_000_001 }, refused(200, 'unknown'), 0],
    [{ fault: 'gzip' }, refused(200, 'unknown'), 1],
  ])(
    'knows the truth of %j within the limit and leaves no socket behind',
    async (behaviour, truth, paid) => {
      upstream.script([behaviour]);
      const start = performance.now();
      expect(await failureOf(call(400))).toEqual(truth);
      expect(performance.now() - start).toBeLessThan(400 + SLACK_MS);
      await upstream.untilSocketsClosed();
      expect([upstream.requests.length, upstream.paidCalls.length]).toEqual([1, paid]);
    },
  );

  it('ends a silent body at the idle limit, not at the limit of the call', async () => {
    upstream.script([{ fault: 'half-json-stall' }]);
    const start = performance.now();
    expect(await failureOf(call(LONG_MS))).toEqual(lost('response_truncated', 'yes'));
    expect(performance.now() - start).toBeLessThan(150 + SLACK_MS);
  });

  it('does not count the time before the headers as idle', async () => {
    upstream.script([
      {
        raw: (response) => {
          setTimeout(() => response.writeHead(429).end('{}'), 300);
        },
      },
    ]);
    await expect(call(LONG_MS)).rejects.toMatchObject({ status: 429 });
  });

  it.each([400, 401, 429, 500, 529])('leaves the error of status %d to the SDK', async (status) => {
    upstream.script([{ status, headers: { 'retry-after': '7' } }]);
    const error: unknown = await call(LONG_MS).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status });
    expect((error as { headers: Headers }).headers.get('Retry-After')).toBe('7');
    expect(upstream.requests).toHaveLength(1);
  });

  it.each(['breaks off', 'stalls'])('keeps the status of an error whose body %s', async (end) => {
    upstream.script([
      {
        raw: (response) => {
          response.writeHead(503, { 'content-length': '1000', 'retry-after': '9' });
          response.write('{"error":', () => {
            if (end === 'breaks off') response.socket?.resetAndDestroy();
          });
        },
      },
    ]);
    await expect(call(LONG_MS)).rejects.toMatchObject({ status: 503 });
    await upstream.untilSocketsClosed();
  });

  it.each([301, 302, 303, 307, 308])(
    'follows no redirect (%d), so no other server sees the key',
    async (status) => {
      const other = await FaultyUpstream.start();
      upstream.script([{ fault: 'redirect', status, location: `${other.url}/v1/messages` }]);
      expect(await failureOf(call(LONG_MS))).toEqual(refused(status, 'no'));
      expect([other.connectionCount, upstream.requests.length]).toEqual([0, 1]);
      await other.close();
    },
  );

  it('knows that nothing was sent when the connection is refused', async () => {
    await upstream.close();
    expect(await failureOf(call(LONG_MS))).toEqual({
      category: 'connect_failed',
      retry: 'transient',
      billed: 'no',
    });
  });

  it('knows that nothing was sent when the TLS handshake fails or the server only accepts', async () => {
    const silent = await listen(() => undefined);
    const waiting = transportTo(hostOf(silent), { limits: { connectTimeoutMs: 200 } });
    const url = `https://${hostOf(silent)}/v1/models`;
    const unanswered = waiting.transport.call({ timeoutMs: 100 }, ({ fetchOptions }) =>
      waiting.transport.fetch(url, fetchOptions),
    );
    const unfinished = waiting.transport.call({ timeoutMs: LONG_MS }, ({ fetchOptions }) =>
      waiting.transport.fetch(url, fetchOptions),
    );
    const start = performance.now();
    const nothing = { category: 'connect_failed', retry: 'transient', billed: 'no' };
    expect(await Promise.all([failureOf(unanswered), failureOf(unfinished)])).toEqual([
      nothing,
      nothing,
    ]);
    expect(performance.now() - start).toBeLessThan(LONG_MS / 2);
    await waiting.transport.close();
    silent.close();
  });

  it.each<[Behaviour, string]>([
    [{ fault: 'never-answer' }, 'unknown'],
    [HALF_AN_ANSWER, 'yes'],
  ])('cancels at once during %j and closes the upstream socket', async (behaviour, billed) => {
    await open({});
    upstream.script([behaviour]);
    const controller = new AbortController();
    const headReceived = nextResponseHead();
    const failure = failureOf(call(LONG_MS, controller.signal));
    await (behaviour === HALF_AN_ANSWER ? headReceived : upstream.untilRequests(1));
    const start = performance.now();
    controller.abort();
    expect(await failure).toEqual({ category: 'cancelled', retry: 'never', billed });
    expect(performance.now() - start).toBeLessThan(LONG_MS / 2);
    await upstream.untilSocketsClosed();
  });

  it('sends nothing for a call that is cancelled before', async () => {
    expect(await failureOf(call(LONG_MS, AbortSignal.abort()))).toEqual({
      category: 'cancelled',
      retry: 'never',
      billed: 'no',
    });
    expect(upstream.connectionCount).toBe(0);
  });

  it('keeps connections alive and closes them all', async () => {
    for (let round = 0; round < 5; round += 1) {
      await call(LONG_MS);
      await new Promise(setImmediate);
    }
    expect([upstream.requests.length, upstream.connectionCount]).toEqual([5, 1]);
    await Promise.all(Array.from({ length: 20 }, () => call(LONG_MS)));
    await subject.transport.close();
    await upstream.untilSocketsClosed();
  });

  it('leaves no listener on the signal of the caller', async () => {
    const { signal } = new AbortController();
    const added = jest.spyOn(signal, 'addEventListener');
    const removed = jest.spyOn(signal, 'removeEventListener');
    await call(LONG_MS, signal);
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledTimes(1);
  });
});

/** Resolves when undici has read the head of the next response. */
function nextResponseHead(): Promise<void> {
  return new Promise((resolve) => {
    const seen = () => {
      unsubscribe('undici:request:headers', seen);
      resolve();
    };
    subscribe('undici:request:headers', seen);
  });
}

function lost(category: string, billed: string): object {
  return { category, retry: 'ambiguous', billed };
}

function refused(upstreamStatus: number, billed: string): object {
  return { category: 'invalid_response', retry: 'never', billed, upstreamStatus };
}

async function listen(onConnection: () => void): Promise<Server> {
  const server = createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function hostOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
