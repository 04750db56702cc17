import { FaultyUpstream } from '../../../test/support/faulty-upstream';
import type { ExecuteParams, Message } from '../ai-provider.interface';
import { ContractBench, failureOf, paramsFor, within } from '../testing/contract-bench';
import { describeAiProvider } from '../testing/describe-ai-provider';
import { sdkEnvironmentNames } from '../testing/sdk-environment-names';
import { OpenAIProvider } from './openai.provider';

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } };

describeAiProvider({
  provider: OpenAIProvider,
  model: 'gpt-5-mini',
  network: {
    startUpstream: () => FaultyUpstream.start(),
    baseUrlOf: (upstream) => upstream.openAiBaseUrl,
    streamingBody: { stream: true, stream_options: { include_usage: true } },
    overloadedType: 'service_unavailable_error',
    inputTokensOfBrokenAnswer: 'estimated',
    keyHeader: (key) => ['authorization', `Bearer ${key}`],
    otherHeaders: ['accept', 'user-agent'],
    environmentNames: sdkEnvironmentNames('openai', 'OPENAI_'),
    finishReasons: {
      stop: 'stop',
      length: 'length',
      tool_calls: 'tool_calls',
      function_call: 'tool_calls',
      content_filter: 'content_filter',
    },
    translation: {
      params: {
        model: 'gpt-5-mini',
        system: 'Be brief.',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Where is this?' },
              { type: 'image', url: 'https://images.example/a.png' },
            ],
          },
          {
            role: 'assistant',
            content: '',
            toolCalls: [{ id: 'call_1', name: 'locate', arguments: '{"city":"Rome"}' }],
          },
          { role: 'tool', toolCallId: 'call_1', content: 'found' },
        ],
        maxTokens: 50,
        temperature: 0.5,
        tools: [{ name: 'locate', description: 'Finds a city', parameters: SCHEMA }],
        toolChoice: { name: 'locate' },
        responseFormat: { type: 'json_schema', name: 'place', schema: SCHEMA },
      },
      method: 'POST',
      path: '/v1/chat/completions',
      body: {
        model: 'gpt-5-mini',
        messages: [
          { role: 'system', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Where is this?' },
              { type: 'image_url', image_url: { url: 'https://images.example/a.png' } },
            ],
          },
          {
            role: 'assistant',
            content: null,
            tool_calls: [
              {
                id: 'call_1',
                type: 'function',
                function: { name: 'locate', arguments: '{"city":"Rome"}' },
              },
            ],
          },
          { role: 'tool', tool_call_id: 'call_1', content: 'found' },
        ],
        max_completion_tokens: 50,
        temperature: 0.5,
        tools: [
          {
            type: 'function',
            function: { name: 'locate', description: 'Finds a city', parameters: SCHEMA },
          },
        ],
        tool_choice: { type: 'function', function: { name: 'locate' } },
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'place', schema: SCHEMA, strict: true },
        },
      },
    },
  },
});

describe('OpenAIProvider', () => {
  let upstream: FaultyUpstream;
  let bench: ContractBench;
  const run = async (body: Record<string, unknown>, params: Partial<ExecuteParams> = {}) => {
    upstream.script([{ ok: true, body }]);
    const provider = bench.create(upstream.openAiBaseUrl);
    return provider.execute({ ...paramsFor('gpt-5-mini'), ...params }, within(5000));
  };
  const completion = (message: unknown, rest: Record<string, unknown> = {}) => ({
    model: 'gpt-5-mini-2025-08-07',
    choices: [{ message, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: 5 },
    ...rest,
  });

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    bench = new ContractBench(OpenAIProvider, [upstream.host]);
  });
  afterAll(async () => {
    await bench.close();
    await upstream.close();
  });

  it('takes a refusal for the answer of the model', async () => {
    const result = await run(completion({ content: null, refusal: 'I cannot.' }));
    expect(result).toMatchObject({ output: { content: 'I cannot.' }, finishReason: 'refusal' });
  });

  it('reads a custom tool call and every count', async () => {
    const custom = { id: 'call_1', type: 'custom', custom: { name: 'run', input: 'ls -l' } };
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    };
    const result = await run(completion({ tool_calls: [custom] }, { usage }));
    expect(result.output.toolCalls).toEqual([{ id: 'call_1', name: 'run', arguments: 'ls -l' }]);
    expect(result.usage).toEqual({
      inputTokens: 10,
      outputTokens: 5,
      cacheReadTokens: 4,
      cacheWriteTokens: 3,
      reasoningTokens: 2,
      source: 'provider',
    });
  });

  it.each([
    [8, 8, 2],
    [12, 10, 0],
  ])('cuts a part of the usage to its whole (%p)', async (cached, read, written) => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: 8 },
      completion_tokens_details: { reasoning_tokens: 9 },
    };
    const result = await run(completion({ content: 'Hi.' }, { usage }));
    expect(result.usage).toMatchObject({
      cacheReadTokens: read,
      cacheWriteTokens: written,
      reasoningTokens: 5,
    });
  });

  it('prices the model that answered, and reports it', async () => {
    const answered = await run(completion({ content: 'Hi.' }), { model: 'my-alias' });
    expect(answered.model).toBe('gpt-5-mini-2025-08-07');
    expect(answered.cost?.price.model).toBe('gpt-5-mini');
    const silent = await run(completion({ content: 'Hi.' }, { model: 'm'.repeat(300) }));
    expect(silent.model).toBe('gpt-5-mini');
  });

  it.each(['flex', 'priority'])('has no price for the service tier %s', async (tier) => {
    const result = await run(completion({ content: 'Hi.' }, { service_tier: tier }));
    expect(result.cost).toBeNull();
  });

  it('estimates with the tokenizer of OpenAI', async () => {
    const estimate = await bench.create(null).estimateCost(paramsFor('gpt-4o', 'hello world'));
    expect(estimate).toMatchObject({ inputTokens: 6, method: 'tokenizer' });
  });

  it('refuses what it cannot translate, and sends nothing', async () => {
    const before = upstream.requests.length;
    const image = [{ type: 'image' as const, url: 'https://images.example/a.png' }];
    const provider = bench.create(upstream.openAiBaseUrl);
    const messages: readonly Message[] = [
      { role: 'system', content: image },
      { role: 'tool', content: 'no id' },
    ];
    for (const message of messages) {
      const call = provider.execute({ model: 'gpt-5-mini', messages: [message] }, within(5000));
      expect(await failureOf(call)).toMatchObject({ category: 'invalid_request', billed: 'no' });
    }
    expect(upstream.requests.length).toBe(before);
  });
});
