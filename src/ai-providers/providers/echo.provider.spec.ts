import type { CallOptions, ExecutionDelta, Message } from '../ai-provider.interface';
import { PriceCatalog } from '../pricing/price-catalog';
import { failureOf, paramsFor, within } from '../testing/contract-bench';
import { describeAiProvider } from '../testing/describe-ai-provider';
import { sumOf } from '../testing/sum-of-deltas';
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

  describe('when it streams', () => {
    const stream = (
      model: string,
      text: string,
      options: Partial<CallOptions> = {},
      wait?: Wait,
    ) => {
      const deltas: ExecutionDelta[] = [];
      const onDelta = (delta: ExecutionDelta) => deltas.push(delta);
      const provider = new EchoProvider(context, wait);
      const result = provider.execute(paramsFor(model, text), {
        ...within(5000),
        onDelta,
        ...options,
      });
      return { deltas, result };
    };

    it('says word by word what it would have said', async () => {
      const { deltas, result } = stream('echo', ' Say it\nagain. ');
      expect(await result).toEqual(
        await new EchoProvider(context).execute(
          paramsFor('echo', ' Say it\nagain. '),
          within(5000),
        ),
      );
      expect(deltas).toEqual(
        [' ', 'Say ', 'it\n', 'again. '].map((text) => ({ type: 'text', text })),
      );
      expect(stream('echo', '').deltas).toEqual([]);
    });

    it('calls a tool in pieces', async () => {
      const { deltas, result } = stream('tool', 'Rome');
      expect((await result).finishReason).toBe('tool_calls');
      expect(deltas).toEqual([
        { type: 'tool_call', index: 0, id: 'call_echo_1', name: 'echo' },
        { type: 'tool_call', index: 0, arguments: '{"text":"Rome"}' },
      ]);
    });

    it('spreads its two seconds over the words, however many', async () => {
      const waits: number[] = [];
      const wait: Wait = (milliseconds) => Promise.resolve(waits.push(milliseconds));
      const { deltas, result } = stream('slow', 'one two three four', {}, wait);
      await result;
      expect(waits).toEqual([500, 500, 500, 500]);
      expect(deltas).toHaveLength(4);
      const text = 'word '.repeat(1001);
      const long = stream('slow', text, {}, wait);
      await long.result;
      expect(sumOf(long.deltas).content).toBe(text);
      expect(long.deltas.length).toBeLessThanOrEqual(40);
    });

    it('breaks off with what it has said', async () => {
      const text = 'one two three four';
      const { deltas, result } = stream('disconnect', text);
      const error = await failureOf(result);
      expect(error).toMatchObject({
        category: 'response_truncated',
        retry: 'ambiguous',
        billed: 'partial',
        output: { content: 'one two three ', toolCalls: [] },
        usage: { inputTokens: 9, outputTokens: 4, source: 'provider' },
        // 9 × 1 $/M + 4 × 2 $/M
        cost: { nanoUsd: 17_000n },
        model: 'disconnect',
      });
      expect(sumOf(deltas)).toEqual(error.output);
    });

    it.each(['echo', 'slow'])('stops when it is cancelled in the middle (%s)', async (model) => {
      const controller = new AbortController();
      const deltas: ExecutionDelta[] = [];
      const onDelta = (delta: ExecutionDelta) => {
        deltas.push(delta);
        if (deltas.length === 2) controller.abort();
      };
      const options = { signal: controller.signal, onDelta };
      const wait: Wait = (_milliseconds, signal) =>
        signal.aborted ? Promise.reject(new Error('aborted')) : Promise.resolve();
      const error = await failureOf(stream(model, 'one two three', options, wait).result);
      expect(error).toMatchObject({
        category: 'cancelled',
        retry: 'never',
        billed: 'partial',
        output: { content: 'one two ' },
        usage: { outputTokens: 2 },
      });
      expect(deltas).toHaveLength(2);
    });

    it('runs out of time in the middle', async () => {
      let pauses = 0;
      const wait: Wait = () =>
        (pauses += 1) > 1 ? Promise.reject(new Error()) : Promise.resolve();
      const error = await failureOf(stream('slow', 'one two three', {}, wait).result);
      expect(error).toMatchObject({
        category: 'deadline_exceeded',
        retry: 'never',
        billed: 'partial',
        output: { content: 'one ' },
      });
    });
  });
});
