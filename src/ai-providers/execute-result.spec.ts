import type { ExecuteResult } from './ai-provider.interface';
import { proveExecuteResult } from './execute-result';

const RESULT: ExecuteResult = {
  output: { content: '', toolCalls: [{ id: 'call', name: 'tool', arguments: '{}' }] },
  finishReason: 'tool_calls',
  usage: {
    ...{ inputTokens: 1, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
    ...{ reasoningTokens: 0, source: 'provider' },
  },
  cost: null,
  model: 'model',
  providerRequestId: null,
};

const usage = (inputTokens: unknown) => ({ ...RESULT, usage: { ...RESULT.usage, inputTokens } });
const output = (content: unknown, toolCalls: unknown = []) => ({
  ...RESULT,
  output: { content, toolCalls },
});

describe('proveExecuteResult', () => {
  it('gives a result back as it is', () => {
    expect(proveExecuteResult(RESULT)).toBe(RESULT);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'hello'],
    ['no output', { ...RESULT, output: undefined }],
    ['content that is no text', output(7)],
    ['no list of tool calls', output('', null)],
    ['a tool call without a name', output('', [{ id: 'call', arguments: '{}' }])],
    ['an unknown finish reason', { ...RESULT, finishReason: 'done' }],
    ['no usage', { ...RESULT, usage: null }],
    ['negative usage', usage(-1)],
    ['usage that is no number', usage(Number.NaN)],
    ['a fraction of a token', usage(0.5)],
    ['more tokens than there are', usage(1e18)],
    ['a negative cost', { ...RESULT, cost: { nanoUsd: -1n } }],
    ['a cost in floating point', { ...RESULT, cost: { nanoUsd: 0.1 } }],
    ['no model', { ...RESULT, model: undefined }],
  ])('refuses %s', (_what, result) => {
    expect(() => proveExecuteResult(result as ExecuteResult)).toThrow(
      expect.objectContaining({ category: 'internal', retry: 'never', billed: 'unknown' }),
    );
  });
});
