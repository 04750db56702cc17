import type { ExecutionDelta } from '../ai-provider.interface';
import { sumOf } from '../testing/sum-of-deltas';
import { paramsFor } from '../testing/contract-bench';
import { ChatStreamReader } from './openai-stream';
import { StreamedOutput } from './streamed-output';

/** The chunks as the SDK hands them over; that they arrive so is the contract's part. */
describe('ChatStreamReader', () => {
  let deltas: ExecutionDelta[];
  let reader: ChatStreamReader;

  beforeEach(() => {
    deltas = [];
    const output = new StreamedOutput((delta) => deltas.push(delta), null);
    reader = new ChatStreamReader(paramsFor('gpt-5-mini'), output);
  });

  const take = (...choices: readonly object[]) => {
    for (const choice of choices) reader.take({ model: 'gpt-5-mini', choices: [choice] });
  };
  const say = (delta: object) => {
    take({ index: 0, delta });
  };
  const call = (index: number, piece: object) => {
    say({ tool_calls: [{ index, ...piece }] });
  };
  const finish = (finishReason = 'stop') => {
    take({ index: 0, delta: {}, finish_reason: finishReason });
    return reader.finish();
  };

  it('takes a refusal for the answer of the model', () => {
    say({ role: 'assistant', content: '', refusal: null });
    say({ refusal: 'I can' });
    say({ refusal: 'not.' });
    expect(finish()).toMatchObject({ output: { content: 'I cannot.' }, finishReason: 'refusal' });
    expect(sumOf(deltas).content).toBe('I cannot.');
  });

  it('leaves the other choices out', () => {
    take({ index: 1, delta: { content: 'other' } }, { index: 0, delta: { content: 'first' } });
    expect(finish().output.content).toBe('first');
  });

  it('keeps parallel calls apart, their pieces mixed', () => {
    call(0, { id: 'a', function: { name: 'one', arguments: '' } });
    call(1, { id: 'b', function: { name: 'two', arguments: '{' } });
    call(0, { function: { arguments: '{}' } });
    call(1, { function: { arguments: '}' } });
    expect(finish('tool_calls')).toMatchObject({
      output: {
        toolCalls: [
          { id: 'a', name: 'one', arguments: '{}' },
          { id: 'b', name: 'two', arguments: '{}' },
        ],
      },
      finishReason: 'tool_calls',
    });
  });

  it('tells two calls under one index apart by their ids', () => {
    call(0, { id: 'a', function: { name: 'one', arguments: '{"a":1}' } });
    call(0, { id: 'b', function: { name: 'one', arguments: '{"b":2}' } });
    const { toolCalls } = finish().output;
    expect(toolCalls.map(({ id, arguments: text }) => [id, text])).toEqual([
      ['a', '{"a":1}'],
      ['b', '{"b":2}'],
    ]);
    expect(sumOf(deltas).toolCalls).toEqual(toolCalls);
  });

  it('takes id and name once, though they are repeated with every piece', () => {
    call(0, { id: 'a', function: { name: 'one', arguments: '{' } });
    call(0, { id: 'a', function: { name: 'one', arguments: '}' } });
    expect(finish().output.toolCalls).toEqual([{ id: 'a', name: 'one', arguments: '{}' }]);
  });

  it('reads a custom tool call', () => {
    call(0, { id: 'a', type: 'custom', custom: { name: 'run', input: 'ls ' } });
    call(0, { custom: { input: '-l' } });
    expect(finish().output.toolCalls).toEqual([{ id: 'a', name: 'run', arguments: 'ls -l' }]);
  });

  it.each([[{ function: { name: 'one' } }], [{ id: 'a', function: { arguments: '{}' } }]])(
    'refuses a call that nobody can answer: %j',
    (piece) => {
      call(0, piece);
      expect(() => finish()).toThrow(expect.objectContaining({ category: 'invalid_response' }));
    },
  );

  it.each([
    'text',
    { choices: {} },
    { choices: ['text'] },
    { choices: [{ delta: { content: 7 } }] },
    { choices: [{ delta: { tool_calls: [null] } }] },
    { choices: [{ finish_reason: 7 }] },
  ])('refuses %j', (chunk) => {
    expect(() => reader.take(chunk)).toThrow(
      expect.objectContaining({ category: 'invalid_response' }),
    );
  });

  it('is not complete without a finish reason, whatever else arrived', () => {
    say({ content: 'All of it.' });
    reader.take({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } });
    expect(() => reader.finish()).toThrow(
      expect.objectContaining({ category: 'response_truncated' }),
    );
    expect(reader.soFar().usage).toMatchObject({ inputTokens: 1, source: 'provider' });
  });

  it('is complete without usage, which is then unknown', () => {
    say({ content: 'Hi.' });
    expect(finish().usage).toBeNull();
  });

  it('has begun with the first choice, not with what a gateway says before', () => {
    reader.take({ choices: [], prompt_filter_results: [] });
    expect(reader.hasBegun).toBe(false);
    say({ role: 'assistant' });
    expect(reader.hasBegun).toBe(true);
  });

  it('has no list price for another tier, complete or not', () => {
    reader.take({ service_tier: 'flex', choices: [{ index: 0, delta: { content: 'Hi.' } }] });
    expect(reader.soFar().hasListPrice).toBe(false);
    expect(finish().hasListPrice).toBe(false);
  });

  it('estimates a usage that cannot be when the answer breaks off', () => {
    say({ content: '12345678' });
    reader.take({ choices: [], usage: { prompt_tokens: -1, completion_tokens: 1 } });
    expect(reader.soFar().usage).toMatchObject({ outputTokens: 2, source: 'estimated' });
  });
});
