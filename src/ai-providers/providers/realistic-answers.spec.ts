import { LLMock } from '@copilotkit/aimock';
import type { CallOptions, ExecuteParams, ExecutionDelta } from '../ai-provider.interface';
import type { ProviderClass } from '../provider-definition';
import { ContractBench, failureOf, paramsFor, within } from '../testing/contract-bench';
import { sumOf } from '../testing/sum-of-deltas';
import { AnthropicProvider } from './anthropic.provider';
import { OpenAIProvider } from './openai.provider';

const WEATHER = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** Both providers against answers that someone else wrote: aimock's idea of what the vendors send. */
describe.each<[ProviderClass, string, (url: string) => string]>([
  [OpenAIProvider, 'gpt-4o-mini', (url) => `${url}/v1`],
  [AnthropicProvider, 'claude-sonnet-4-6', (url) => url],
])('%p against aimock', (providerClass, model, baseUrlOf) => {
  const mock = new LLMock({ port: 0, logLevel: 'silent' });
  let bench: ContractBench;
  const run = (params: Partial<ExecuteParams>, options: Partial<CallOptions> = {}) =>
    bench
      .create(baseUrlOf(mock.url))
      .execute({ ...paramsFor(model), ...params }, { ...within(5000), ...options });
  /** What was reported of a streamed answer, and its end. */
  const stream = (params: Partial<ExecuteParams> = {}) => {
    const deltas: ExecutionDelta[] = [];
    return { deltas, result: run(params, { onDelta: (delta) => deltas.push(delta) }) };
  };

  beforeAll(async () => {
    await mock.start();
    bench = new ContractBench(providerClass, [new URL(mock.url).host]);
  });
  beforeEach(() => mock.clearFixtures());
  afterAll(async () => {
    await bench.close();
    await mock.stop();
  });

  it('understands a text', async () => {
    mock.onMessage('hello', { content: 'Good morning.' });
    const result = await run({ system: 'Be kind.' });
    expect(result.output).toEqual({ content: 'Good morning.', toolCalls: [] });
    expect(result.finishReason).toBe('stop');
    expect(result.model).toContain(model);
    expect(result.cost).not.toBeNull();
  });

  it('carries a tool call there and back', async () => {
    mock.onToolResult('call_weather', { content: 'It is sunny in Rome.' });
    mock.onMessage('Rome', {
      toolCalls: [{ id: 'call_weather', name: 'get_weather', arguments: '{"city":"Rome"}' }],
    });
    const question = { role: 'user', content: 'How is Rome?' } as const;
    const called = await run({ messages: [question], tools: [WEATHER] });
    const [call] = called.output.toolCalls;
    expect(called.finishReason).toBe('tool_calls');
    expect(call?.name).toBe('get_weather');
    expect(JSON.parse(call?.arguments ?? '')).toEqual({ city: 'Rome' });
    const answered = await run({
      tools: [WEATHER],
      messages: [
        question,
        { role: 'assistant', content: '', toolCalls: called.output.toolCalls },
        { role: 'tool', toolCallId: call?.id, content: 'sunny' },
      ],
    });
    expect(answered).toMatchObject({
      output: { content: 'It is sunny in Rome.' },
      finishReason: 'stop',
    });
  });

  it('sees that an answer was cut', async () => {
    mock.onMessage('hello', { content: 'Good mor', finishReason: 'length' });
    expect((await run({})).finishReason).toBe('length');
  });

  it('classifies an error', async () => {
    mock.nextRequestError(429, { message: 'Slow down.', type: 'rate_limit_error' });
    await expect(run({})).rejects.toMatchObject({ category: 'rate_limited', upstreamStatus: 429 });
  });

  it('streams a text and a tool call', async () => {
    mock.onMessage('hello', { content: 'Good morning, this comes in several pieces.' });
    const text = stream();
    expect((await text.result).output.content).toContain('several pieces.');
    expect(sumOf(text.deltas)).toEqual((await text.result).output);
    expect(text.deltas.length).toBeGreaterThan(1);
    mock.onMessage('Rome', {
      toolCalls: [{ id: 'call_weather', name: 'get_weather', arguments: '{"city":"Rome"}' }],
    });
    const messages = [{ role: 'user', content: 'How is Rome?' }] as const;
    const called = stream({ messages, tools: [WEATHER] });
    const { output, finishReason } = await called.result;
    expect(finishReason).toBe('tool_calls');
    expect(output.toolCalls).toMatchObject([{ name: 'get_weather', arguments: '{"city":"Rome"}' }]);
    expect(sumOf(called.deltas)).toEqual(output);
  });

  it('keeps what it heard of a stream that breaks off', async () => {
    const content = 'Good morning, this will never come to its end.';
    mock.onMessage('hello', { content }, { truncateAfterChunks: 3, chunkSize: 5, latency: 20 });
    const { deltas, result } = stream();
    const error = await failureOf(result);
    expect(error).toMatchObject({ category: 'response_truncated', billed: 'partial' });
    expect(error.output).toEqual(sumOf(deltas));
    expect(error.usage?.source).toBe('estimated');
  });
});
