import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import OpenAI from 'openai';
import { FaultyUpstream } from '../../../test/support/faulty-upstream';
import { failureOf } from '../../../test/support/faulty-upstream/transport-under-test';
import { OutboundPolicy, ProviderTransport, type TransportCall, type TransportLimits } from '.';

const LONG_MS = 10_000;
/** Far above what a busy machine makes of 20 milliseconds. */
const IDLE_MS = 600;
const EVENT = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'word ' } }] })}\n\n`;

describe('ProviderTransport with a streamed answer', () => {
  let upstream: FaultyUpstream;
  let transport: ProviderTransport;
  let openai: OpenAI;

  beforeEach(async () => {
    upstream = await FaultyUpstream.start();
    open({ idleTimeoutMs: IDLE_MS });
  });

  afterEach(async () => {
    await transport.close();
    await upstream.close();
  });

  function open(limits: Partial<TransportLimits>): void {
    const policy = new OutboundPolicy({ customBaseUrl: 'off', allowedHosts: [upstream.host] });
    transport = new ProviderTransport({ policy, limits });
    openai = new OpenAI({
      apiKey: 'k',
      baseURL: upstream.openAiBaseUrl,
      maxRetries: 0,
      timeout: 3_600_000,
      fetch: transport.fetch,
    });
  }

  function answer(stream: (response: ServerResponse) => void): void {
    upstream.script([
      {
        raw: (response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
          stream(response);
        },
      },
    ]);
  }

  /** Reads the stream to its end, as a provider does, and returns its text. */
  async function readAll({ signal, fetchOptions }: TransportCall): Promise<string> {
    const stream = await openai.chat.completions.create(
      { model: 'm', messages: [], stream: true },
      { signal, fetchOptions },
    );
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    return text;
  }

  it('is read piece by piece', async () => {
    answer((response) => {
      response.write(EVENT.slice(0, 20));
      response.write(EVENT.slice(20) + EVENT);
      response.end('data: [DONE]\n\n');
    });
    await expect(transport.call({ timeoutMs: LONG_MS }, readAll)).resolves.toBe('word word ');
  });

  it.each([
    ['stalls', () => undefined],
    ['is reset', (response: ServerResponse) => response.socket?.resetAndDestroy()],
    ['ends without the last chunk', (response: ServerResponse) => response.socket?.end()],
  ])('that %s fails, though the SDK would call it complete or wait for ever', async (_how, end) => {
    answer((response) => response.write(EVENT, () => end(response)));
    expect(await failureOf(transport.call({ timeoutMs: LONG_MS }, readAll))).toEqual({
      category: 'response_truncated',
      retry: 'ambiguous',
      billed: 'partial',
    });
    await upstream.untilSocketsClosed();
  });

  it('kept alive by pings for ever ends at the limit of the call', async () => {
    answer((response) => {
      const pings = setInterval(() => response.write(': ping\n\n'), 20);
      response.on('close', () => {
        clearInterval(pings);
      });
    });
    const start = performance.now();
    const failure = await failureOf(transport.call({ timeoutMs: 3 * IDLE_MS }, readAll));
    expect(failure).toEqual({ category: 'deadline_exceeded', retry: 'never', billed: 'partial' });
    expect(performance.now() - start).toBeGreaterThan(3 * IDLE_MS - 10);
    await upstream.untilSocketsClosed();
  });

  it('that the caller cancels rejects, though the SDK would end the iteration', async () => {
    const controller = new AbortController();
    answer((response) => {
      response.write(EVENT);
    });
    const failure = failureOf(
      transport.call({ timeoutMs: LONG_MS, signal: controller.signal }, async (call) => {
        const stream = await openai.chat.completions.create(
          { model: 'm', messages: [], stream: true },
          { signal: call.signal, fetchOptions: call.fetchOptions },
        );
        for await (const chunk of stream) controller.abort(chunk);
      }),
    );
    expect(await failure).toEqual({ category: 'cancelled', retry: 'never', billed: 'partial' });
    await upstream.untilSocketsClosed();
  });

  it('of which the reader has enough is closed, and that is no failure', async () => {
    answer((response) => {
      response.write(EVENT);
    });
    const first = await transport.call({ timeoutMs: LONG_MS }, async ({ signal, fetchOptions }) => {
      const stream = await openai.chat.completions.create(
        { model: 'm', messages: [], stream: true },
        { signal, fetchOptions },
      );
      for await (const chunk of stream) return chunk.choices[0]?.delta.content;
      return null;
    });
    expect(first).toBe('word ');
    await upstream.untilSocketsClosed();
  });

  it('that ends after its last event leaves the connection for the next call', async () => {
    let end: () => void = () => undefined;
    answer((response) => {
      response.write(`${EVENT}data: [DONE]\n\n`);
      end = () => response.end();
    });
    await transport.call({ timeoutMs: LONG_MS }, readAll);
    end();
    // What was written before a round trip over another connection has been read after it.
    await (await fetch(`${upstream.url}/v1/models`)).text();
    const before = upstream.connectionCount;
    answer((response) => response.end('data: [DONE]\n\n'));
    await transport.call({ timeoutMs: LONG_MS }, readAll);
    expect(upstream.connectionCount).toBe(before);
  });

  it('that goes on after its last event is closed', async () => {
    answer((response) => {
      const pings = setInterval(() => response.write(': ping\n\n'), 20);
      response.on('close', () => {
        clearInterval(pings);
      });
      response.write(`${EVENT}data: [DONE]\n\n`);
    });
    await expect(transport.call({ timeoutMs: LONG_MS }, readAll)).resolves.toBe('word ');
    await upstream.untilSocketsClosed();
  });

  it('pushes back on the provider while the reader is slow, and does not blame the provider', async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    answer((response) => {
      void (async () => {
        const piece = Buffer.alloc(1024 * 1024, ': x\n\n');
        while (written < total) {
          written += piece.length;
          if (!response.write(piece)) await once(response, 'drain');
        }
        response.end();
      })();
    });
    const received = await transport.call({ timeoutMs: LONG_MS }, async ({ fetchOptions }) => {
      const response = await transport.fetch(`${upstream.url}/v1/x`, fetchOptions);
      const reader: ReadableStreamDefaultReader<Uint8Array> = response.body!.getReader();
      let bytes = (await reader.read()).value!.length;
      await new Promise((resolve) => setTimeout(resolve, 2 * IDLE_MS));
      expect(written).toBeLessThan(total / 2);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return bytes;
        bytes += value.length;
      }
    });
    expect(received).toBe(total);
  });

  it.each<[string, Partial<TransportLimits>, string]>([
    ['is too long', { maxStreamBytes: 1000 }, EVENT.repeat(100)],
    ['has a line without end', { maxEventBytes: 1000 }, 'x'.repeat(100_000)],
    ['has an event without end', { maxEventBytes: 1000 }, ': comment\n'.repeat(10_000)],
  ])('that %s fails', async (_how, limits, body) => {
    await transport.close();
    open(limits);
    answer((response) => response.end(body));
    const failure = await failureOf(transport.call({ timeoutMs: LONG_MS }, readAll));
    expect(failure).toMatchObject({
      category: 'invalid_response',
      retry: 'never',
      billed: 'partial',
    });
  });

  it('can be read as text by an SDK that asked for no stream', async () => {
    answer((response) => response.end(`\ufeff${EVENT}`));
    const text = await transport.call({ timeoutMs: LONG_MS }, async ({ fetchOptions }) => {
      const response = await transport.fetch(`${upstream.url}/v1/x`, fetchOptions);
      return response.text();
    });
    expect(text).toBe(EVENT);
  });

  it('keeps nothing of its request in memory while the answer comes', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    let finish = () => undefined as unknown;
    answer((response) => {
      response.write(EVENT);
      finish = () => response.end('data: [DONE]\n\n');
    });
    const send = async (fetchOptions: TransportCall['fetchOptions']) => {
      // What holds the text of a body, which itself cannot be watched.
      const init = { method: 'POST', body: '{}', ...fetchOptions };
      const response = await transport.fetch(`${upstream.openAiBaseUrl}/chat/completions`, init);
      return { response, reference: new WeakRef(init) };
    };
    const text = await transport.call({ timeoutMs: LONG_MS }, async ({ fetchOptions }) => {
      const { response, reference } = await send(fetchOptions);
      await new Promise(setImmediate);
      collect();
      expect(reference.deref()).toBeUndefined();
      finish();
      return response.text();
    });
    expect(text).toContain('[DONE]');
  });
});
