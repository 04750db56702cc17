import { setTimeout as delay } from 'node:timers/promises';
import { createServer, isIP, type Server } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import OpenAI from 'openai';
import { FaultyUpstream } from '../../../test/support/faulty-upstream';
import { failureOf } from '../../../test/support/faulty-upstream/transport-under-test';
import { OutboundPolicy, ProviderTransport, type ResolveAddresses } from '.';

const LONG_MS = 10_000;
const BLOCKED = { category: 'blocked_destination', retry: 'never', billed: 'no' };
/** As if nobody knew the name. */
const UNREACHED = { category: 'connect_failed', retry: 'transient', billed: 'no' };
/** Ways of writing 127.0.0.1 (and the wildcard, which connects to it) with which a lookup hook alone is passed by. */
const LOOPBACK_LITERALS = [
  '127.0.0.1',
  '127.1',
  '0x7f.1',
  '0x7f000001',
  '2130706433',
  '0177.0.0.1',
  '0.0.0.0',
  '0',
  '①②⑦.⓪.⓪.①',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::1]',
  '[::]',
  'localhost',
];

describe('ProviderTransport and where it connects', () => {
  let listener: Server;
  let connections: number;
  let port: number;
  let logged: jest.SpyInstance;
  const transports: ProviderTransport[] = [];

  beforeEach(async () => {
    logged = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    connections = 0;
    listener = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0);
    await once(listener, 'listening');
    port = (listener.address() as AddressInfo).port;
  });

  afterEach(async () => {
    await Promise.all(transports.splice(0).map((transport) => transport.close()));
    listener.close();
    logged.mockRestore();
  });

  function transportWith(
    options: { allowed?: string[]; resolveAddresses?: ResolveAddresses } = {},
  ) {
    const policy = new OutboundPolicy({
      customBaseUrl: 'https-public',
      allowedHosts: options.allowed ?? [],
    });
    const transport = new ProviderTransport({ policy, resolveAddresses: options.resolveAddresses });
    transports.push(transport);
    return transport;
  }

  function get(transport: ProviderTransport, url: string): Promise<unknown> {
    return transport.call({ timeoutMs: LONG_MS }, ({ fetchOptions }) =>
      transport.fetch(url, fetchOptions),
    );
  }

  it.each(LOOPBACK_LITERALS)('opens no connection to %s', async (host) => {
    const transport = transportWith();
    for (const scheme of ['http', 'https']) {
      expect(await failureOf(get(transport, `${scheme}://${host}:${port}/v1`))).toEqual(BLOCKED);
    }
    expect(connections).toBe(0);
  });

  it('would have reached the listener by each of them', async () => {
    const allowed = LOOPBACK_LITERALS.map((host) => `${host}:${port}`);
    const transport = transportWith({ allowed });
    for (const host of LOOPBACK_LITERALS) {
      expect(await failureOf(get(transport, `http://${host}:${port}/v1`))).not.toEqual(BLOCKED);
    }
    expect(connections).toBe(LOOPBACK_LITERALS.length);
  });

  it('looks at the address of every connection, so a name that is rebound is refused', async () => {
    const upstream = await FaultyUpstream.start();
    upstream.script([{ ok: true, headers: { connection: 'close' } }]);
    const asked: string[] = [];
    // No test leaves this machine: 127.0.0.1 plays the public address, every other is inside.
    class LoopbackIsPublic extends OutboundPolicy {
      override checkOrigin(): void {
        return;
      }
      override allowsAddress(_hostname: string, _port: number, address: string): boolean {
        return address === '127.0.0.1';
      }
    }
    const transport = new ProviderTransport({
      policy: new LoopbackIsPublic({ customBaseUrl: 'https-public', allowedHosts: [] }),
      resolveAddresses: answers([['127.0.0.1'], ['127.0.0.2']], asked),
    });
    transports.push(transport);
    const url = `http://rebind.example.com:${portOf(upstream)}/v1/chat/completions`;
    const post = () =>
      transport.call({ timeoutMs: LONG_MS }, ({ fetchOptions }) =>
        transport.fetch(url, { ...fetchOptions, method: 'POST', body: '{}' }),
      );
    await expect(post()).resolves.toMatchObject({ status: 200 });
    await upstream.untilSocketsClosed();
    expect(await failureOf(post())).toEqual(UNREACHED);
    expect(asked).toEqual(['rebind.example.com', 'rebind.example.com']);
    expect(upstream.connectionCount).toBe(1);
    await upstream.close();
  });

  it.each(['127.0.0.1', '169.254.169.254', '::1'])(
    'refuses a public name for %s as one that nobody knows, and tells the operator only',
    async (address) => {
      const transport = transportWith({ resolveAddresses: answers([[address]], []) });
      const failure = await failureOf(get(transport, 'https://rebind.example.com/v1'));
      expect(failure).toEqual(UNREACHED);
      expect(logged).toHaveBeenCalledTimes(1);
      expect(logged).toHaveBeenCalledWith({
        message: expect.stringContaining('private addresses'),
        hostname: 'rebind.example.com',
        port: 443,
      });
    },
  );

  it('connects to an inside address for a name on the allow-list', async () => {
    const upstream = await FaultyUpstream.start();
    const host = `provider.example.com:${portOf(upstream)}`;
    const resolveAddresses = answers([['127.0.0.1']], []);
    const transport = transportWith({ allowed: [host], resolveAddresses });
    await expect(get(transport, `http://${host}/v1/models`)).resolves.toMatchObject({
      status: 200,
    });
    await upstream.close();
  });

  it('says connect_failed for a name that does not resolve', async () => {
    const resolveAddresses: ResolveAddresses = (_hostname, callback) => {
      callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []);
    };
    const transport = transportWith({ resolveAddresses });
    expect(await failureOf(get(transport, 'https://nowhere.example.com'))).toEqual(UNREACHED);
  });

  it('ignores a proxy in the environment', async () => {
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = `http://127.0.0.1:${port}`;
    const upstream = await FaultyUpstream.start();
    await get(transportWith({ allowed: [upstream.host] }), `${upstream.url}/v1/models`);
    names.forEach((name, index) => {
      if (before[index] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before[index];
    });
    expect([connections, upstream.requests.length]).toEqual([0, 1]);
    await upstream.close();
  });

  it('refuses a second request in one call, as an SDK that retries would make it', async () => {
    const upstream = await FaultyUpstream.start();
    upstream.script([{ status: 500 }, { status: 500 }]);
    const transport = transportWith({ allowed: [upstream.host] });
    const retrying = new OpenAI({
      apiKey: 'k',
      baseURL: upstream.openAiBaseUrl,
      maxRetries: 2,
      fetch: transport.fetch,
    });
    const call = transport.call({ timeoutMs: LONG_MS }, ({ signal, fetchOptions }) =>
      retrying.models.list({ signal, fetchOptions }),
    );
    expect(await failureOf(call)).toEqual({
      category: 'internal',
      retry: 'never',
      billed: 'unknown',
    });
    expect(upstream.requests).toHaveLength(1);
    await upstream.close();
  });

  it('refuses a request outside of a call, and limits that are none', async () => {
    const transport = transportWith();
    await expect(transport.fetch('https://api.example.com')).rejects.toThrow(/fetchOptions/);
    for (const timeoutMs of [0, -1, Number.NaN]) {
      await expect(transport.call({ timeoutMs }, () => Promise.resolve(1))).rejects.toThrow(
        RangeError,
      );
    }
    // As a delay of a Node timer this would be 1 ms.
    const long = transport.call({ timeoutMs: Infinity }, () => delay(30, 'done'));
    await expect(long).resolves.toBe('done');
  });

  it('ends a call that never asks, by its limit', async () => {
    const transport = transportWith();
    const call = transport.call({ timeoutMs: 20 }, () => new Promise(() => undefined));
    expect(await failureOf(call)).toEqual({
      category: 'deadline_exceeded',
      retry: 'never',
      billed: 'no',
    });
  });

  it('says nothing of a header value that cannot be sent', async () => {
    const upstream = await FaultyUpstream.start();
    const transport = transportWith({ allowed: [upstream.host] });
    const call = transport.call({ timeoutMs: LONG_MS }, ({ fetchOptions }) =>
      transport.fetch(upstream.url, {
        ...fetchOptions,
        headers: { authorization: 'Bearer sk-secret\r\nX-Evil: 1' },
      }),
    );
    const error: unknown = await call.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ category: 'internal', retry: 'never', billed: 'no' });
    expect(String((error as Error).stack)).not.toContain('sk-secret');
    await upstream.close();
  });

  it('writes nothing for a call that ended while it waited for the connection', async () => {
    const upstream = await FaultyUpstream.start();
    const host = `slow.example.com:${portOf(upstream)}`;
    const connects: (() => void)[] = [];
    const resolveAddresses: ResolveAddresses = (_hostname, callback) => {
      connects.push(() => {
        callback(null, [{ address: '127.0.0.1', family: 4 }]);
      });
    };
    const transport = transportWith({ allowed: [host], resolveAddresses });
    const late = transport.call({ timeoutMs: 30 }, ({ fetchOptions }) =>
      transport.fetch(`http://${host}/v1/late`, fetchOptions),
    );
    expect(await failureOf(late)).toEqual(UNREACHED);
    const next = get(transport, `http://${host}/v1/next`);
    for (const connect of connects) connect();
    await expect(next).resolves.toMatchObject({ status: 404 });
    expect(upstream.requests.map(({ path }) => path)).toEqual(['/v1/next']);
    await upstream.close();
  });

  it('closes the connection of a cancelled call though the SDK is not told', async () => {
    const upstream = await FaultyUpstream.start();
    upstream.script([{ fault: 'never-answer' }]);
    const transport = transportWith({ allowed: [upstream.host] });
    const controller = new AbortController();
    const options = { timeoutMs: LONG_MS, signal: controller.signal };
    const failure = failureOf(
      transport.call(options, ({ fetchOptions }) => transport.fetch(upstream.url, fetchOptions)),
    );
    await upstream.untilRequests(1);
    controller.abort();
    expect(await failure).toEqual({ category: 'cancelled', retry: 'never', billed: 'unknown' });
    await upstream.untilSocketsClosed();
    await upstream.close();
  });

  it('fails what is under way when it closes', async () => {
    const upstream = await FaultyUpstream.start();
    upstream.script([{ fault: 'never-answer' }]);
    const transport = transportWith({ allowed: [upstream.host] });
    const failure = failureOf(get(transport, upstream.url));
    await upstream.untilRequests(1);
    await transport.close();
    expect(await failure).toMatchObject({ category: 'connection_lost', billed: 'unknown' });
    await upstream.untilSocketsClosed();
    await upstream.close();
  });
});

function answers(rounds: string[][], asked: string[]): ResolveAddresses {
  return (hostname, callback) => {
    asked.push(hostname);
    const addresses = rounds.shift() ?? [];
    callback(
      null,
      addresses.map((address) => ({ address, family: isIP(address) })),
    );
  };
}

function portOf(upstream: FaultyUpstream): string {
  return new URL(upstream.url).port;
}
