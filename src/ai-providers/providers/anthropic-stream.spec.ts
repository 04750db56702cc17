import type { ExecutionDelta } from '../ai-provider.interface';
import { paramsFor } from '../testing/contract-bench';
import { sumOf } from '../testing/sum-of-deltas';
import { MessageStreamReader } from './anthropic-stream';
import { StreamedOutput } from './streamed-output';

const START_USAGE = {
  input_tokens: 10,
  cache_read_input_tokens: 100,
  cache_creation_input_tokens: 20,
  output_tokens: 1,
};

/** The events as the SDK hands them over; that they arrive so is the contract's part. */
describe('MessageStreamReader', () => {
  let deltas: ExecutionDelta[];
  let reader: MessageStreamReader;

  beforeEach(() => {
    deltas = [];
    const output = new StreamedOutput((delta) => deltas.push(delta), null);
    reader = new MessageStreamReader(paramsFor('claude-sonnet-4-6'), output);
  });

  const start = (usage: object | undefined = START_USAGE) =>
    reader.take({ type: 'message_start', message: { model: 'claude-sonnet-4-6', usage } });
  const block = (index: number, content: object, ...pieces: readonly object[]) => {
    reader.take({ type: 'content_block_start', index, content_block: content });
    for (const delta of pieces) reader.take({ type: 'content_block_delta', index, delta });
    reader.take({ type: 'content_block_stop', index });
  };
  const text = (index: number, ...pieces: readonly string[]) => {
    const said = pieces.map((piece) => ({ type: 'text_delta', text: piece }));
    block(index, { type: 'text', text: '' }, ...said);
  };
  const end = (usage: object | undefined, stopReason: string | null = 'end_turn') => {
    reader.take({ type: 'message_delta', delta: { stop_reason: stopReason }, usage });
    reader.take({ type: 'message_stop' });
    return reader.finish();
  };

  it('joins the text blocks, and counts the thinking without reporting it', () => {
    start();
    block(
      0,
      { type: 'thinking', thinking: '' },
      { type: 'thinking_delta', thinking: 'x'.repeat(40) },
      { type: 'signature_delta', signature: 'abc' },
    );
    block(1, { type: 'redacted_thinking', data: 'abc' });
    text(2, 'One ', 'two. ');
    text(3, 'Three.');
    expect(sumOf(deltas)).toEqual({ content: 'One two. Three.', toolCalls: [] });
    expect(reader.soFar()).toMatchObject({
      usage: {
        inputTokens: 130,
        cacheReadTokens: 100,
        cacheWriteTokens: 20,
        outputTokens: 4 + 10,
        reasoningTokens: 10,
        source: 'estimated',
      },
      model: 'claude-sonnet-4-6',
    });
  });

  it('takes the counts of the end, and those of the start where the end has none', () => {
    start();
    text(0, 'Hi.');
    const usage = {
      output_tokens: 50,
      input_tokens: null,
      output_tokens_details: { thinking_tokens: 30 },
    };
    expect(end(usage).usage).toEqual({
      inputTokens: 130,
      outputTokens: 50,
      cacheReadTokens: 100,
      cacheWriteTokens: 20,
      reasoningTokens: 30,
      source: 'provider',
    });
  });

  it('takes the input tokens of the end where they differ', () => {
    start();
    expect(end({ output_tokens: 5, input_tokens: 11 }).usage?.inputTokens).toBe(131);
  });

  it('estimates the output when the end has no count, and all when there is none', () => {
    start();
    text(0, '12345678');
    expect(end(undefined).usage).toMatchObject({
      inputTokens: 130,
      outputTokens: 2,
      source: 'estimated',
    });
  });

  it('reports a tool call as the model writes it', () => {
    start();
    const json = (piece: string) => ({ type: 'input_json_delta', partial_json: piece });
    const tool = { type: 'tool_use', id: 'a', name: 'locate', input: {} };
    block(0, tool, json(''), json('{"city": '), json('"Rome"}'));
    block(1, { ...tool, id: 'b' });
    block(2, { ...tool, id: 'c', input: { city: 'Oslo' } });
    expect(end({ output_tokens: 5 }, 'tool_use')).toMatchObject({
      output: {
        toolCalls: [
          { id: 'a', name: 'locate', arguments: '{"city": "Rome"}' },
          { id: 'b', name: 'locate', arguments: '{}' },
          { id: 'c', name: 'locate', arguments: '{"city":"Oslo"}' },
        ],
      },
      finishReason: 'tool_calls',
    });
    expect(sumOf(deltas)).toEqual(reader.finish().output);
  });

  it('leaves the tools of the vendor out', () => {
    start();
    block(
      0,
      { type: 'server_tool_use', id: 'a', name: 'web_search', input: {} },
      { type: 'input_json_delta', partial_json: '{"query":"x"}' },
    );
    block(1, { type: 'web_search_tool_result', content: [] });
    expect(end({ output_tokens: 5 }).output).toEqual({ content: '', toolCalls: [] });
    expect(deltas).toEqual([]);
  });

  it('passes over events that it does not know', () => {
    start();
    expect(reader.take({ type: 'ping' })).toBe(false);
    expect(reader.take({ type: 'never_heard_of' })).toBe(false);
    expect(end({ output_tokens: 1 }).finishReason).toBe('stop');
  });

  it.each([
    ['without message_stop', { type: 'message_delta', delta: { stop_reason: 'end_turn' } }],
    ['without a stop reason', { type: 'message_stop' }],
  ])('is not complete %s', (_how, event) => {
    start();
    text(0, 'All of it.');
    reader.take(event);
    expect(() => reader.finish()).toThrow(
      expect.objectContaining({ category: 'response_truncated' }),
    );
  });

  it.each([
    'text',
    { type: 'message_start' },
    { type: 'content_block_start', index: 0 },
    { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'x' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta' } },
    { type: 'message_delta' },
    { type: 'message_delta', delta: { stop_reason: 7 } },
    { type: 'message_delta', delta: {}, usage: { input_tokens: 1, output_tokens: -1 } },
  ])('refuses %j', (event) => {
    expect(() => reader.take(event)).toThrow(
      expect.objectContaining({ category: 'invalid_response' }),
    );
  });

  it.each([{ service_tier: 'priority' }, { speed: 'fast' }])(
    'has no list price for a call with %j, complete or not',
    (mode) => {
      start({ ...START_USAGE, ...mode });
      expect(reader.soFar().hasListPrice).toBe(false);
      expect(end({ output_tokens: 5 }).hasListPrice).toBe(false);
    },
  );

  it('estimates everything before the first event', () => {
    expect(reader.hasBegun).toBe(false);
    expect(reader.soFar()).toMatchObject({ model: null, usage: { source: 'estimated' } });
  });
});
