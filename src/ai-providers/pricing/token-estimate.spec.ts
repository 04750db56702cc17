import type { ExecuteParams } from '../ai-provider.interface';
import { loadO200kTokenizer } from './o200k-tokenizer';
import { costOf } from './price-catalog';
import { estimateFrom, estimateInputTokens } from './token-estimate';

function paramsWith(content: string): ExecuteParams {
  return { model: 'any', messages: [{ role: 'user', content }] };
}

describe('estimateInputTokens', () => {
  it('counts with the tokenizer', async () => {
    const countTokens = await loadO200kTokenizer();
    // "hello world" is two tokens of o200k_base; four stand around the message.
    const { tokens, method } = estimateInputTokens(paramsWith('hello world'), countTokens);
    expect([tokens, method]).toEqual([6, 'tokenizer']);
  });

  it('takes four characters for a token without one', () => {
    expect(estimateInputTokens(paramsWith('12345678'))).toEqual({ tokens: 6, method: 'heuristic' });
  });

  it('takes a control token in a text for text', async () => {
    const countTokens = await loadO200kTokenizer();
    expect(estimateInputTokens(paramsWith('<|endoftext|>'), countTokens).tokens).toBeGreaterThan(6);
  });

  it.each([
    ['letters', 'a'.repeat(190_000)],
    ['ideographs', '漢字'.repeat(95_000)],
    ['white space', ' \t'.repeat(95_000)],
  ])('is not held up by an endless run of %s', async (_name, text) => {
    const countTokens = await loadO200kTokenizer();
    const startedAt = performance.now();
    estimateInputTokens(paramsWith(text), countTokens);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('does not tokenize what is too long', () => {
    const tokenize = jest.fn(() => 1);
    expect(estimateInputTokens(paramsWith('a '.repeat(200_000)), tokenize).method).toBe(
      'heuristic',
    );
    expect(tokenize).not.toHaveBeenCalled();
  });

  it('counts tools and the schema, and images apart from their bytes', () => {
    const plain = estimateInputTokens(paramsWith('x')).tokens;
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const tools = [{ name: 'find', parameters }];
    expect(estimateInputTokens({ ...paramsWith('x'), tools }).tokens).toBeGreaterThan(plain + 10);
    const url = `data:image/png;base64,${'A'.repeat(100_000)}`;
    const image = estimateInputTokens({
      model: 'any',
      messages: [{ role: 'user', content: [{ type: 'image', url }] }],
    });
    expect(image).toEqual({ tokens: 1004, method: 'heuristic' });
  });
});

describe('estimateFrom', () => {
  const price = {
    catalogue: 'test',
    model: 'test',
    inputNanoUsdPerMillion: '1000000',
    outputNanoUsdPerMillion: '1000000',
    cacheReadNanoUsdPerMillion: null,
    cacheWriteNanoUsdPerMillion: null,
  };
  const priceOf = (inputTokens: number, outputTokens: number) =>
    costOf({ inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0 }, price);

  it('goes from no output to all of it', () => {
    const params = { ...paramsWith('x'), maxTokens: 50 };
    const estimate = estimateFrom({ tokens: 100, method: 'tokenizer' }, params, priceOf);
    expect(estimate).toEqual({
      inputTokens: 100,
      nanoUsd: { low: 100n, high: 150n },
      method: 'tokenizer',
    });
  });

  it('widens a heuristic count by a quarter', () => {
    const params = { ...paramsWith('x'), maxTokens: 50 };
    const estimate = estimateFrom({ tokens: 100, method: 'heuristic' }, params, priceOf);
    expect(estimate.nanoUsd).toEqual({ low: 75n, high: 175n });
  });

  it('has no range for an unpriced model', () => {
    const estimate = estimateFrom({ tokens: 1, method: 'exact' }, paramsWith('x'), () => null);
    expect(estimate.nanoUsd).toBeNull();
  });
});
