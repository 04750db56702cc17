import { calcPrice } from '@pydantic/genai-prices';
import fc from 'fast-check';
import manifest from '../../../package.json';
import { AI_PROVIDERS } from '../providers';
import { CATALOGUE, costOf, PriceCatalog, type PricedTokens } from './price-catalog';

const AT = new Date('2026-11-01T12:00:00Z');
const catalog = new PriceCatalog();

function priceOf(vendor: string, model: string, tokens: Partial<PricedTokens>, at = AT) {
  const none = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
  return catalog.price({ vendor, models: [model], tokens: { ...none, ...tokens }, at });
}

describe('PriceCatalog', () => {
  it('names the version that is installed', () => {
    const version = manifest.dependencies['@pydantic/genai-prices'];
    expect(CATALOGUE).toBe(`genai-prices@${version}`);
  });

  it('prices to the nano-dollar and keeps the prices with it', () => {
    const cost = priceOf('openai', 'gpt-5-mini', {
      inputTokens: 1000,
      outputTokens: 100,
      cacheReadTokens: 200,
    });
    // 800 × 0.25 $/M + 200 × 0.025 $/M + 100 × 2 $/M
    expect(cost?.nanoUsd).toBe(405_000n);
    expect(cost?.price).toEqual({
      catalogue: CATALOGUE,
      model: 'gpt-5-mini',
      inputNanoUsdPerMillion: '250000000',
      outputNanoUsdPerMillion: '2000000000',
      cacheReadNanoUsdPerMillion: '25000000',
      cacheWriteNanoUsdPerMillion: null,
    });
  });

  it('charges cache writes', () => {
    const tokens = { inputTokens: 100, cacheReadTokens: 10, cacheWriteTokens: 20 };
    // 70 × 3 + 10 × 0.3 + 20 × 3.75 $/M
    expect(priceOf('anthropic', 'claude-sonnet-4-5', tokens)?.nanoUsd).toBe(288_000n);
  });

  it('charges cached tokens without a price of their own as other input', () => {
    const tokens = { inputTokens: 100, cacheReadTokens: 40 };
    const plain = priceOf('openai', 'gpt-4', { inputTokens: 100 });
    expect(plain?.price.cacheReadNanoUsdPerMillion).toBeNull();
    expect(priceOf('openai', 'gpt-4', tokens)?.nanoUsd).toBe(plain?.nanoUsd);
  });

  it('takes the tier of a long context from its first token on', () => {
    const unit = (inputTokens: number) =>
      priceOf('anthropic', 'claude-sonnet-4-5', { inputTokens })?.price.inputNanoUsdPerMillion;
    expect(unit(200_000)).toBe('3000000000');
    expect(unit(200_001)).toBe('6000000000');
    expect(priceOf('anthropic', 'claude-sonnet-4-5', { inputTokens: 200_001 })?.nanoUsd).toBe(
      1_200_006_000n,
    );
  });

  it('takes the price of the day', () => {
    const unit = (day: string) =>
      priceOf('openai', 'o3', { inputTokens: 1 }, new Date(day))?.price.inputNanoUsdPerMillion;
    expect(unit('2025-06-09T00:00:00Z')).toBe('10000000000');
    expect(unit('2025-06-11T00:00:00Z')).toBe('2000000000');
  });

  it('knows no price for an unknown model or vendor, and for output that has none', () => {
    expect(priceOf('openai', 'never-heard-of', { inputTokens: 1 })).toBeNull();
    expect(priceOf('never-heard-of', 'gpt-4o', { inputTokens: 1 })).toBeNull();
    expect(priceOf('openai', 'text-embedding-3-small', { outputTokens: 1 })).toBeNull();
    expect(priceOf('openai', 'text-embedding-3-small', { inputTokens: 1 })?.nanoUsd).toBe(20n);
  });

  it('takes the first of several names that it knows', () => {
    const tokens = { inputTokens: 1, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
    const models = ['alias-of-a-gateway', 'gpt-5-mini', 'gpt-4o'];
    const cost = catalog.price({ vendor: 'openai', models, tokens, at: AT });
    expect(cost?.price.model).toBe('gpt-5-mini');
  });

  it('agrees with the floating-point result of the library', () => {
    const models = ['gpt-5.5', 'gpt-4o-mini', 'gpt-6-sol', 'o3'];
    const count = fc.nat({ max: 400_000 });
    const property = fc.property(
      fc.constantFrom(...models),
      count,
      count,
      fc.nat({ max: 100 }),
      (model, inputTokens, outputTokens, percent) => {
        const cacheReadTokens = Math.floor((inputTokens * percent) / 100);
        const ours = priceOf('openai', model, { inputTokens, outputTokens, cacheReadTokens });
        const usage = {
          input_tokens: inputTokens,
          output_tokens: outputTokens,
          cache_read_tokens: cacheReadTokens,
        };
        const theirs = calcPrice(usage, model, { providerId: 'openai', timestamp: AT });
        return Math.abs(Number(ours?.nanoUsd) - (theirs?.total_price ?? NaN) * 1e9) <= 1;
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('rounds once, half to even', () => {
    const price = {
      catalogue: 'test',
      model: 'test',
      inputNanoUsdPerMillion: '500000',
      outputNanoUsdPerMillion: '500000',
      cacheReadNanoUsdPerMillion: null,
      cacheWriteNanoUsdPerMillion: null,
    };
    const cost = (inputTokens: number, outputTokens: number) =>
      costOf({ inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0 }, price)
        ?.nanoUsd;
    expect([cost(1, 0), cost(1, 1), cost(3, 0), cost(2, 1)]).toEqual([0n, 1n, 2n, 2n]);
  });

  it('has a price for every example model of the vendors', () => {
    for (const { description } of AI_PROVIDERS.filter((entry) => entry.description.requiresKey)) {
      for (const model of description.models) {
        const cost = priceOf(description.id, model, { inputTokens: 1000, outputTokens: 1000 });
        expect([model, cost !== null]).toEqual([model, true]);
      }
    }
  });
});
