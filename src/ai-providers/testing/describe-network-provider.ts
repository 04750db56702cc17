import type { AIProvider } from '../ai-provider.interface';
import type { ProviderErrorFields } from '../provider-error';
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

/** Headers of HTTP itself, which the transport adds. */
const HTTP_HEADERS = ['host', 'connection', 'content-length', 'content-type', 'accept-encoding'];
const FROM_ENVIRONMENT = 'from-the-environment';

/** What every vendor's failure must become: behaviour of the upstream → fields of the error. */
const FAILURES: readonly (readonly [string, ContractBehaviour, Partial<ProviderErrorFields>])[] = [
  ['400', { status: 400 }, { category: 'invalid_request', retry: 'never', billed: 'no' }],
  ['401', { status: 401 }, { category: 'credential_invalid', retry: 'never', billed: 'no' }],
  ['403', { status: 403 }, { category: 'permission_denied', retry: 'never', billed: 'no' }],
  ['404', { status: 404 }, { category: 'model_not_found', retry: 'never', billed: 'no' }],
  [
    '429 with Retry-After',
    { status: 429, headers: { 'retry-after': '7' } },
    { category: 'rate_limited', retry: 'throttled', billed: 'no', retryAfterMs: 7000 },
  ],
  ['500', { status: 500 }, { category: 'server_error', retry: 'transient', billed: 'no' }],
  ['529', { status: 529 }, { category: 'overloaded', retry: 'throttled', billed: 'no' }],
  [
    '502 with a page of HTML',
    { fault: 'html', status: 502 },
    { category: 'gateway_error', retry: 'ambiguous', billed: 'unknown' },
  ],
  [
    'a reset connection',
    { fault: 'reset-before-headers' },
    { category: 'connection_lost', retry: 'ambiguous', billed: 'unknown' },
  ],
  ...(['html', 'empty', 'junk'] as const).map(
    (fault) =>
      [
        `200 with ${fault}`,
        { fault, bytes: 64 },
        { category: 'invalid_response', retry: 'ambiguous', billed: 'unknown' },
      ] as const,
  ),
  ...[{ error: { message: 'no' } }, [], null, 7, { choices: [], content: [] }].map(
    (body) =>
      [
        `200 with ${JSON.stringify(body)}`,
        { ok: true, body: JSON.stringify(body) },
        { category: 'invalid_response', retry: 'ambiguous', billed: 'unknown' },
      ] as const,
  ),
];

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

  it.each(FAILURES)('classifies %s, after one request', async (_name, behaviour, fields) => {
    const error = await failureOf(run(behaviour));
    expect(error).toMatchObject(fields);
    expect(upstream.requests).toHaveLength(1);
  });

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
