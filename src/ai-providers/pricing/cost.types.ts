/**
 * The unit prices that applied to one call, kept with it so that a receipt can be recomputed after the
 * catalogue has changed. Nano-USD (10⁻⁹ USD) per million tokens, as integers; `null` where the catalogue
 * has none. JSON-safe: integers are decimal strings.
 */
export interface PriceSnapshot {
  /** Name and version of the catalogue, e.g. `genai-prices@0.1.8`. */
  readonly catalogue: string;
  /** The catalogue's id of the model that was priced. */
  readonly model: string;
  readonly inputNanoUsdPerMillion: string | null;
  readonly outputNanoUsdPerMillion: string | null;
  readonly cacheReadNanoUsdPerMillion: string | null;
  readonly cacheWriteNanoUsdPerMillion: string | null;
}

/** A cost in integer nano-USD (10⁻⁹ USD) with the prices it was computed from. */
export interface PricedCost {
  readonly nanoUsd: bigint;
  readonly price: PriceSnapshot;
}

/** What a call would cost, before it is made. */
export interface CostEstimate {
  readonly inputTokens: number;
  /** `null` when the model is unpriced. `low`: no output at all; `high`: `maxTokens` of output. */
  readonly nanoUsd: { readonly low: bigint; readonly high: bigint } | null;
  /** How the input tokens were counted: `tokenizer` (exact encoding) or `heuristic` (four characters a token, ± 25 %). */
  readonly method: 'tokenizer' | 'heuristic' | 'exact';
}
