import { FaultyUpstream } from '../../../test/support/faulty-upstream';
import type { ExecuteParams, Message } from '../ai-provider.interface';
import { ContractBench, failureOf, paramsFor, within } from '../testing/contract-bench';
import { describeAiProvider } from '../testing/describe-ai-provider';
import { sdkEnvironmentNames } from '../testing/sdk-environment-names';
import { AnthropicProvider } from './anthropic.provider';

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } };

describeAiProvider({
  provider: AnthropicProvider,
  model: 'claude-sonnet-5',
  network: {
    startUpstream: () => FaultyUpstream.start(),
    baseUrlOf: (upstream) => upstream.url,
    streamingBody: { stream: true },
    overloadedType: 'overloaded_error',
    inputTokensOfBrokenAnswer: 'exact',
    keyHeader: (key) => ['x-api-key', key],
    otherHeaders: ['accept', 'user-agent', 'anthropic-version'],
    environmentNames: sdkEnvironmentNames('@anthropic-ai/sdk', 'ANTHROPIC_'),
    finishReasons: {
      end_turn: 'stop',
      stop_sequence: 'stop',
      max_tokens: 'length',
      model_context_window_exceeded: 'length',
      tool_use: 'tool_calls',
      pause_turn: 'pause',
      refusal: 'refusal',
    },
    translation: {
      params: {
        model: 'claude-sonnet-5',
        system: 'Be brief.',
        messages: [
          { role: 'system', content: 'Be kind.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Where is this?' },
              { type: 'image', url: 'data:image/png;base64,AAAA' },
              { type: 'image', url: 'https://images.example/a.png' },
            ],
          },
          {
            role: 'assistant',
            content: '',
            toolCalls: [
              { id: 'call_1', name: 'locate', arguments: '{"city":"Rome"}' },
              { id: 'call_2', name: 'locate', arguments: '' },
            ],
          },
          { role: 'tool', toolCallId: 'call_1', content: 'found' },
          { role: 'tool', toolCallId: 'call_2', content: 'not found' },
          { role: 'user', content: 'And?' },
        ],
        tools: [{ name: 'locate', description: 'Finds a city', parameters: SCHEMA }],
        toolChoice: 'required',
        responseFormat: { type: 'json_schema', name: 'place', schema: SCHEMA },
      },
      method: 'POST',
      path: '/v1/messages',
      body: {
        model: 'claude-sonnet-5',
        max_tokens: 4096,
        system: 'Be brief.\n\nBe kind.',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Where is this?' },
              {
                type: 'image',
                source: { type: 'base64', media_type: 'image/png', data: 'AAAA' },
              },
              { type: 'image', source: { type: 'url', url: 'https://images.example/a.png' } },
            ],
          },
          {
            role: 'assistant',
            content: [
              { type: 'tool_use', id: 'call_1', name: 'locate', input: { city: 'Rome' } },
              { type: 'tool_use', id: 'call_2', name: 'locate', input: {} },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'call_1', content: 'found' },
              { type: 'tool_result', tool_use_id: 'call_2', content: 'not found' },
            ],
          },
          { role: 'user', content: 'And?' },
        ],
        tools: [{ name: 'locate', description: 'Finds a city', input_schema: SCHEMA }],
        tool_choice: { type: 'any' },
        output_config: { format: { type: 'json_schema', schema: SCHEMA } },
      },
    },
  },
});

describe('AnthropicProvider', () => {
  let upstream: FaultyUpstream;
  let bench: ContractBench;
  const run = (params: Partial<ExecuteParams> = {}, body?: Record<string, unknown>) => {
    upstream.script([body === undefined ? { ok: true } : { ok: true, body }]);
    const provider = bench.create(upstream.url);
    return provider.execute({ ...paramsFor('claude-sonnet-4-6'), ...params }, within(5000));
  };
  const message = (content: unknown, usage: Record<string, unknown> = {}) => ({
    model: 'claude-sonnet-4-6',
    content,
    stop_reason: 'end_turn',
    usage: { input_tokens: 10, output_tokens: 5, ...usage },
  });
  const text = [{ type: 'text', text: 'Hi.' }];
  const lastRequest = () => upstream.requests.at(-1);

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    bench = new ContractBench(AnthropicProvider, [upstream.host]);
  });
  afterAll(async () => {
    await bench.close();
    await upstream.close();
  });

  it('goes back to the API version that takes a temperature', async () => {
    await run();
    expect(lastRequest()?.headers['anthropic-version']).toBe('2026-10-21');
    expect(lastRequest()?.body).not.toHaveProperty('temperature');
    await run({ temperature: 0 });
    expect(lastRequest()?.headers['anthropic-version']).toBe('2023-06-01');
    expect(lastRequest()?.body?.temperature).toBe(0);
  });

  it('counts the cached tokens as input', async () => {
    const cached = {
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 20,
      output_tokens_details: { thinking_tokens: 3 },
    };
    const result = await run({}, message(text, cached));
    expect(result.usage).toEqual({
      inputTokens: 130,
      outputTokens: 5,
      cacheReadTokens: 100,
      cacheWriteTokens: 20,
      reasoningTokens: 3,
      source: 'provider',
    });
    // 10 × 3 + 100 × 0.3 + 20 × 3.75 + 5 × 15 $/M
    expect(result.cost?.nanoUsd).toBe(210_000n);
  });

  it('joins the text blocks and leaves the thinking out', async () => {
    const blocks = [{ type: 'thinking', thinking: 'Hm.' }, ...text, ...text];
    expect((await run({}, message(blocks))).output).toEqual({ content: 'Hi.Hi.', toolCalls: [] });
  });

  it.each([{ service_tier: 'priority' }, { service_tier: 'batch' }, { speed: 'fast' }])(
    'has no price for a call with %p',
    async (mode) => {
      expect((await run({}, message(text, mode))).cost).toBeNull();
      expect((await run({}, message(text, { service_tier: 'standard' }))).cost).not.toBeNull();
    },
  );

  it('asks for JSON in words when there is no schema', async () => {
    await run({ responseFormat: { type: 'json_object' }, system: 'Be brief.' });
    expect(lastRequest()?.body?.system).toBe(
      'Be brief.\n\nAnswer with one JSON object and nothing else.',
    );
    expect(lastRequest()?.body).not.toHaveProperty('output_config');
  });

  it.each([
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    [{ name: 'locate' }, { type: 'tool', name: 'locate' }],
  ] as const)('translates the tool choice %j', async (toolChoice, expected) => {
    await run({ toolChoice, tools: [{ name: 'locate', parameters: {} }] });
    expect(lastRequest()?.body?.tool_choice).toEqual(expected);
  });

  it('refuses what it cannot translate, and sends nothing', async () => {
    const before = upstream.requests.length;
    const call = { id: 'call_1', name: 'locate', arguments: '{broken' };
    const messages: readonly Message[] = [
      { role: 'user', content: [{ type: 'image', url: 'data:image/tiff;base64,AAAA' }] },
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', content: 'no id' },
    ];
    for (const entry of messages) {
      const failure = failureOf(run({ messages: [entry] }));
      expect(await failure).toMatchObject({ category: 'invalid_request', billed: 'no' });
    }
    expect(upstream.requests.length).toBe(before);
  });

  it('keeps nothing at the vendor, which could not be found again', async () => {
    await run();
    const plain = lastRequest()?.body;
    await run({ storeAs: { executionId: 'execution-1', attemptNumber: 1 } });
    expect(lastRequest()?.body).toEqual(plain);
    expect(bench.create(upstream.url).findStored).toBeUndefined();
  });

  it('sends a long answer without streaming', async () => {
    // By itself the SDK would refuse: "Streaming is required for operations that may take longer".
    await run({ maxTokens: 128_000 });
    expect(lastRequest()?.body?.max_tokens).toBe(128_000);
  });
});
