import { inspect } from 'node:util';
import { ProviderError, type ProviderErrorFields } from './provider-error';

const FIELDS: Required<ProviderErrorFields> = {
  category: 'response_truncated',
  retry: 'ambiguous',
  billed: 'partial',
  retryAfterMs: 1,
  upstreamStatus: 200,
  upstreamCode: 'code',
  providerRequestId: 'req_1',
  usage: {
    inputTokens: 1,
    outputTokens: 2,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'estimated',
  },
  cost: { nanoUsd: 3n, price: {} as never },
  model: 'm-1',
  output: { content: 'what the model said', toolCalls: [] },
};

describe('ProviderError', () => {
  it('prints nothing of the answer that it carries', () => {
    const error = new ProviderError(FIELDS);
    const printed = [
      error.message,
      error.stack,
      JSON.stringify(error),
      JSON.stringify(Object.assign({}, error)),
      inspect(error, { depth: 20, showHidden: true }),
    ].join('\n');
    expect(printed).toContain('response_truncated');
    expect(printed).not.toContain('what the model said');
  });

  it('keeps everything in a copy but what is changed', () => {
    const copy = new ProviderError(FIELDS).with({ retry: 'never' });
    expect(copy).toMatchObject({ ...FIELDS, retry: 'never' });
    expect(copy.message).toBe('provider call failed: response_truncated, HTTP 200, code code');
    expect(new ProviderError(FIELDS).with({ output: undefined }).output).toBeUndefined();
  });
});
