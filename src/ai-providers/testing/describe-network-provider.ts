import { inspect } from 'node:util';
import type { AIProvider } from '../ai-provider.interface';
import { SdkClients } from '../providers/sdk-clients';
import type {
  AiProviderContract,
  ContractBehaviour,
  ContractUpstream,
  NetworkContract,
} from './ai-provider-contract';
import {
  ContractBench,
  CONTRACT_KEY,
  failureOf,
  paramsFor,
  presetUrlsOf,
  within,
} from './contract-bench';
import { CONTRACT_FAILURES } from './contract-failures';

/** Headers of HTTP itself, which the transport adds. */
const HTTP_HEADERS = ['host', 'connection', 'content-length', 'content-type', 'accept-encoding'];
const FROM_ENVIRONMENT = 'from-the-environment';

/** The part of the contract that needs a vendor: over real HTTP, one upstream per test. */
export function describeNetworkProvider<Upstream extends ContractUpstream>(
  contract: AiProviderContract<Upstream>,
  network: NetworkContract<Upstream>,
): void {
  const { provider: providerClass, model } = contract;
  let upstream: Upstream;
  let bench: ContractBench;
  const create = (key?: string): AIProvider => bench.create(network.baseUrlOf(upstream), key);
  const run = (...behaviours: readonly ContractBehaviour[]) => {
    upstream.script(behaviours);
    return create().execute(paramsFor(model), within(5000));
  };

  beforeEach(async () => {
    upstream = await network.startUpstream();
    bench = new ContractBench(providerClass, [upstream.host]);
  });
  afterEach(async () => {
    await bench.close();
    await upstream.close();
  });

  it('sends exactly the expected request', async () => {
    await create().execute(network.translation.params, within(5000));
    const [request] = upstream.requests;
    const { method, path, body } = network.translation;
    expect(request).toMatchObject({ method, path });
    expect(request?.body).toEqual(body);
    const [keyHeader, keyValue] = network.keyHeader(CONTRACT_KEY);
    expect(request?.headers[keyHeader]).toBe(keyValue);
    const allowed = [...HTTP_HEADERS, ...network.otherHeaders, keyHeader];
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(request?.headers ?? {})));
    expect(JSON.stringify([request?.path, request?.body])).not.toContain(CONTRACT_KEY);
  });

  it('maps content, tool calls and usage', async () => {
    const usage = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 40 };
    const call = { id: 'call_1', name: 'weather', arguments: '{"city":"Berlin"}' };
    expect(await run({ ok: true, content: 'Hi.', usage })).toMatchObject({
      output: { content: 'Hi.', toolCalls: [] },
      usage: { ...usage, cacheWriteTokens: 0, reasoningTokens: 0, source: 'provider' },
    });
    expect(await run({ ok: true, toolCalls: [call] })).toMatchObject({
      output: { content: '', toolCalls: [call] },
      finishReason: 'tool_calls',
    });
  });

  it('keeps a usage of zero, and estimates one that is missing', async () => {
    const zero = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0 };
    const free = await run({ ok: true, usage: zero });
    expect(free.usage).toMatchObject({ ...zero, source: 'provider' });
    expect(free.cost?.nanoUsd).toBe(0n);
    const estimated = await run({ ok: true, usage: null });
    expect(estimated.usage.source).toBe('estimated');
    expect(estimated.usage.inputTokens).toBeGreaterThan(0);
    expect(estimated.usage.outputTokens).toBeGreaterThan(0);
  });

  it.each([-1, 1.5, 2e9])('refuses a usage of %p tokens', async (outputTokens) => {
    const usage = { inputTokens: 1, outputTokens, cacheReadTokens: 0 };
    expect((await failureOf(run({ ok: true, usage }))).category).toBe('invalid_response');
  });

  it('maps every finish reason, and one it never heard of', async () => {
    const words = { ...network.finishReasons, never_heard_of: 'other', constructor: 'other' };
    for (const [finishReason, expected] of Object.entries(words)) {
      expect((await run({ ok: true, finishReason })).finishReason).toBe(expected);
    }
    expect((await failureOf(run({ ok: true, finishReason: '' }))).category).toBe(
      'invalid_response',
    );
  });

  it('has no price for a model that nobody knows', async () => {
    const result = await create().execute(paramsFor('never-heard-of'), within(5000));
    expect(result.cost).toBeNull();
  });

  it.each(CONTRACT_FAILURES)(
    'classifies %s, after one request',
    async (_name, behaviour, fields) => {
      const error = await failureOf(run(behaviour));
      expect(error).toMatchObject(fields);
      expect(upstream.requests).toHaveLength(1);
    },
  );

  it('keeps the key out of its errors when the vendor repeats it everywhere', async () => {
    const echo = { type: CONTRACT_KEY, code: CONTRACT_KEY, message: CONTRACT_KEY };
    for (const status of [400, 401, 429, 500]) {
      const headers = { 'x-request-id': CONTRACT_KEY, 'request-id': CONTRACT_KEY };
      await failureOf(run({ status, headers, ...echo }));
    }
  });

  it('gives up within its limit', async () => {
    upstream.script([{ fault: 'never-answer' }]);
    const startedAt = performance.now();
    const error = await failureOf(create().execute(paramsFor(model), within(300)));
    expect(error).toMatchObject({ category: 'timeout_no_response', retry: 'ambiguous' });
    expect(performance.now() - startedAt).toBeLessThan(1500);
  });

  it('stops at once when it is cancelled', async () => {
    upstream.script([{ fault: 'never-answer' }]);
    const controller = new AbortController();
    const failure = failureOf(
      create().execute(paramsFor(model), within(30_000, controller.signal)),
    );
    while (upstream.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const startedAt = performance.now();
    controller.abort();
    expect(await failure).toMatchObject({ category: 'cancelled', retry: 'never' });
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(upstream.requests).toHaveLength(1);
  });

  it('never mixes two keys, even at the same time', async () => {
    const keys = ['sk-test-first', 'sk-test-second'];
    const providers = keys.map((key) => create(key));
    const texts = Array.from({ length: 20 }, (_, index) => `request of key ${index % 2}`);
    await Promise.all(
      texts.map((text, index) =>
        providers[index % 2]!.execute(paramsFor(model, text), within(5000)),
      ),
    );
    expect(upstream.requests).toHaveLength(texts.length);
    for (const request of upstream.requests) {
      const index = JSON.stringify(request.body).includes('request of key 0') ? 0 : 1;
      const [name, value] = network.keyHeader(keys[index]!);
      expect(request.headers[name]).toBe(value);
    }
  });

  it('never mixes two destinations', async () => {
    const other = await network.startUpstream();
    const both = new ContractBench(providerClass, [upstream.host, other.host]);
    try {
      for (const target of [upstream, other]) {
        const provider = both.create(network.baseUrlOf(target));
        await provider.execute(paramsFor(model), within(5000));
      }
      expect([upstream.requests.length, other.requests.length]).toEqual([1, 1]);
    } finally {
      await both.close();
      await other.close();
    }
  });

  it('keeps nothing of the environment in the client of an SDK', async () => {
    const names = network.environmentNames.filter((name) => !name.endsWith('_CUSTOM_HEADERS'));
    for (const name of names) process.env[name] = valueOf(name, network);
    const clients = jest.spyOn(SdkClients.prototype, 'get');
    try {
      await create().execute(paramsFor(model), within(5000));
      const printed = inspect(clients.mock.results, { depth: 6 });
      expect(printed).not.toContain(FROM_ENVIRONMENT);
      expect(printed).not.toContain(CONTRACT_KEY);
    } finally {
      for (const name of names) Reflect.deleteProperty(process.env, name);
      clients.mockRestore();
    }
  });

  it('uses nothing of the environment', async () => {
    expect(network.environmentNames.length).toBeGreaterThan(0);
    for (const name of network.environmentNames) process.env[name] = valueOf(name, network);
    const logged = ['log', 'info', 'warn', 'error', 'debug'].map((method) =>
      jest.spyOn(console, method as 'log').mockImplementation(() => undefined),
    );
    try {
      await create().execute(paramsFor(model), within(5000));
      await create().testCredential(within(5000));
      const presetUrls = await presetUrlsOf(providerClass, model);
      expect(presetUrls).toHaveLength(2);
      const preset = providerClass.description.defaultBaseUrl ?? 'none';
      for (const url of presetUrls) expect(url.startsWith(`${preset}/`)).toBe(true);
    } finally {
      for (const name of network.environmentNames) Reflect.deleteProperty(process.env, name);
    }
    expect(upstream.requests).toHaveLength(2);
    expect(JSON.stringify(upstream.requests)).not.toContain(FROM_ENVIRONMENT);
    for (const method of logged) expect(method).not.toHaveBeenCalled();
    jest.restoreAllMocks();
  });
}

function valueOf(
  name: string,
  network: Pick<NetworkContract<never>, 'keyHeader' | 'otherHeaders'>,
): string {
  if (name.endsWith('_BASE_URL')) return `http://127.0.0.1:1/${FROM_ENVIRONMENT}`;
  if (name.endsWith('_LOG')) return 'debug';
  if (!name.endsWith('_CUSTOM_HEADERS')) return FROM_ENVIRONMENT;
  const [keyHeader] = network.keyHeader('');
  const names = ['authorization', 'x-api-key', 'api-key', 'x-other', 'content-type', keyHeader];
  return [...names, ...network.otherHeaders]
    .map((header) => `${header}: ${FROM_ENVIRONMENT}`)
    .join('\n');
}
