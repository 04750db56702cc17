import { calcPrice } from '@pydantic/genai-prices';
import type { Usage } from '../ai-provider.interface';
import type { PricedCost, PriceSnapshot } from './cost.types';
import { divideHalfEven, nanoUsdFromNumber } from './usd';

/** The token counts that a price depends on; the parts are included in the totals. */
export type PricedTokens = Pick<
  Usage,
  'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens'
>;

/** Which list price applies. */
export interface PriceQuery {
  /** Id of the vendor in the catalogue, e.g. `openai`. */
  readonly vendor: string;
  /** Model names, most specific first: the one that answered, then the one that was asked for. */
  readonly models: readonly string[];
  readonly tokens: PricedTokens;
  /** When the call was made; prices change with the date and the hour. */
  readonly at: Date;
}

/** Must equal the version in package.json; a test compares the two. */
export const CATALOGUE = 'genai-prices@0.1.8';

const TOKENS_PER_MILLION = 1_000_000n;

type CataloguePrice = NonNullable<ReturnType<typeof calcPrice>>['model_price'][string];

/**
 * List prices of the vendors, from the data bundled with `@pydantic/genai-prices`; no network. The
 * library only resolves the model, the date and the unit prices: it multiplies in floating point, so the
 * cost is computed here in integers.
 */
export class PriceCatalog {
  /**
   * The cost of a call at list prices; `null` when the catalogue does not know the model or has no
   * price for a kind of token that was used. Reasoning tokens are output tokens and cost the same.
   */
  price(query: PriceQuery): PricedCost | null {
    for (const model of query.models) {
      const price = this.find(query, model);
      if (price !== null) return costOf(query.tokens, price);
    }
    return null;
  }

  private find(query: PriceQuery, model: string): PriceSnapshot | null {
    // Without usage: the library throws on counts that contradict each other, which vendors do send.
    const found = calcPrice({}, model, { providerId: query.vendor, timestamp: query.at });
    if (found === null) return null;
    const unit = (name: string): string | null =>
      unitPrice(found.model_price[name], query.tokens.inputTokens);
    return {
      catalogue: CATALOGUE,
      model: found.model.id,
      inputNanoUsdPerMillion: unit('input_mtok'),
      outputNanoUsdPerMillion: unit('output_mtok'),
      cacheReadNanoUsdPerMillion: unit('cache_read_mtok'),
      cacheWriteNanoUsdPerMillion: unit('cache_write_mtok'),
    };
  }
}

/**
 * Tiers are cliffs, as the library resolves them: above `start` input tokens (the cached ones included),
 * every token of the call costs the tier's price.
 */
function unitPrice(price: CataloguePrice, inputTokens: number): string | null {
  if (price === undefined) return null;
  if (typeof price === 'number') return nanoUsdFromNumber(price).toString();
  const tiers = price.tiers.filter((tier) => inputTokens > tier.start);
  const top = tiers.reduce((best, tier) => (tier.start >= best.start ? tier : best), {
    start: -1,
    price: price.base,
  });
  return nanoUsdFromNumber(top.price).toString();
}

/**
 * The cost of `tokens` at `price`, so that a receipt can be recomputed from what is stored. It is
 * rounded once, half to even, after the sum: each kind of token alone would round up to four times.
 * Cached tokens without a price of their own cost what other input costs.
 */
export function costOf(tokens: PricedTokens, price: PriceSnapshot): PricedCost | null {
  const input = price.inputNanoUsdPerMillion;
  const plainTokens = tokens.inputTokens - tokens.cacheReadTokens - tokens.cacheWriteTokens;
  const parts: readonly (readonly [number, string | null])[] = [
    [plainTokens, input],
    [tokens.cacheReadTokens, price.cacheReadNanoUsdPerMillion ?? input],
    [tokens.cacheWriteTokens, price.cacheWriteNanoUsdPerMillion ?? input],
    [tokens.outputTokens, price.outputNanoUsdPerMillion],
  ];
  let total = 0n;
  for (const [count, unit] of parts) {
    if (count === 0) continue;
    if (unit === null) return null;
    total += BigInt(count) * BigInt(unit);
  }
  return { nanoUsd: divideHalfEven(total, TOKENS_PER_MILLION), price };
}
