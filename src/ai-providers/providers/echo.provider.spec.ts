import type { CallOptions, Message } from '../ai-provider.interface';
import { PriceCatalog } from '../pricing/price-catalog';
import { failureOf, paramsFor, within } from '../testing/contract-bench';
import { describeAiProvider } from '../testing/describe-ai-provider';
import { OutboundPolicy, ProviderTransport } from '../transport';
import { EchoProvider, type Wait } from './echo.provider';
import { SdkClients } from './sdk-clients';

describeAiProvider({ provider: EchoProvider, model: 'echo', network: null });

describe('EchoProvider', () => {
  const policy = new OutboundPolicy({ customBaseUrl: 'off', allowedHosts: [] });
  const transport = new ProviderTransport({ policy });
  const context = {
    secret: null,
    baseUrl: null,
    transport,
    prices: new PriceCatalog(),
    clients: new SdkClients(),
  };
  const run = (model: string, options: CallOptions = within(5000), wait?: Wait) =>
    new EchoProvider(context, wait).execute(paramsFor(model), options);

  afterAll(() => transport.close());

  it('answers with the last user message, at a fixed price', async () => {
    const messages: readonly Message[] = [
      { role: 'user', content: 'First.' },
      { role: 'assistant', content: 'First.' },
      { role: 'user', content: [{ type: 'text', text: 'Last one.' }] },
    ];
    const provider = new EchoProvider(context);
    const result = await provider.execute({ model: 'echo', messages }, within(5000));
    expect(result).toMatchObject({
      output: { content: 'Last one.', toolCalls: [] },
      finishReason: 'stop',
      usage: { inputTokens: 18, outputTokens: 3, source: 'provider' },
      // 18 × 1 $/M + 3 × 2 $/M
      cost: { nanoUsd: 24_000n, price: { catalogue: 'echo@1', model: 'echo' } },
    });
    expect(await provider.execute({ model: 'echo', messages }, within(5000))).toEqual(result);
    const estimate = await provider.estimateCost({ model: 'echo', messages, maxTokens: 3 });
    expect(estimate).toEqual({
      inputTokens: 18,
      nanoUsd: { low: 18_000n, high: 24_000n },
      method: 'exact',
    });
  });

  it.each([
    [
      'error-429',
      { category: 'rate_limited', retry: 'throttled', billed: 'no', retryAfterMs: 1000 },
    ],
    ['error-500', { category: 'server_error', retry: 'transient', billed: 'no' }],
    ['disconnect', { category: 'connection_lost', retry: 'ambiguous', billed: 'unknown' }],
    ['never-heard-of', { category: 'model_not_found', retry: 'never', billed: 'no' }],
    ['echo/echo', { category: 'model_not_found' }],
    ['constructor', { category: 'model_not_found' }],
  ])('fails as %s says', async (model, fields) => {
    expect(await failureOf(run(model))).toMatchObject(fields);
  });

  it('calls a tool until it has been answered', async () => {
    const provider = new EchoProvider(context);
    const params = {
      ...paramsFor('tool', 'Rome'),
      tools: [{ name: 'locate', parameters: {} }],
    };
    const called = await provider.execute(params, within(5000));
    const [call] = called.output.toolCalls;
    expect(called.finishReason).toBe('tool_calls');
    expect(call).toEqual({ id: 'call_echo_1', name: 'locate', arguments: '{"text":"Rome"}' });
    const answered: readonly Message[] = [
      ...params.messages,
      { role: 'assistant', content: '', toolCalls: called.output.toolCalls },
      { role: 'tool', toolCallId: 'call_echo_1', content: 'found' },
    ];
    const result = await provider.execute({ ...params, messages: answered }, within(5000));
    expect(result).toMatchObject({ output: { content: 'found' }, finishReason: 'stop' });
  });

  it('takes two seconds when it is slow', async () => {
    const wait = jest.fn<ReturnType<Wait>, Parameters<Wait>>(() => Promise.resolve());
    const result = await run('slow', within(5000), wait);
    expect(wait).toHaveBeenCalledWith(2000, expect.any(AbortSignal));
    expect(result.output.content).toBe('Say hello.');
  });

  it('stops being slow when it is cancelled or out of time', async () => {
    const controller = new AbortController();
    const cancelled = failureOf(run('slow', within(60_000, controller.signal)));
    controller.abort();
    expect(await cancelled).toMatchObject({ category: 'cancelled', retry: 'never', billed: 'no' });
    expect(await failureOf(run('slow', within(20)))).toMatchObject({
      category: 'timeout_no_response',
    });
  });
});
