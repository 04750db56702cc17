import { invalidResponse } from '../classify-provider-error';
import type { ExecuteParams, ExecutionOutput, FinishReason, Usage } from '../ai-provider.interface';
import { estimateInputTokens, heuristicTokens } from '../pricing/token-estimate';

/** No model has a context of this size; a larger count is a fault of the sender. */
const TOKENS_MAX = 1_000_000_000;

export type JsonObject = Readonly<Record<string, unknown>>;

/** What a vendor's answer proved, before it is priced. */
export interface VendorAnswer {
  readonly output: ExecutionOutput;
  readonly finishReason: FinishReason;
  /** `null` when the vendor sent none. */
  readonly usage: Usage | null;
  /** The model that answered, if the vendor says. */
  readonly model: string | null;
  /** False when the call was made in a mode whose prices the catalogue does not have. */
  readonly hasListPrice: boolean;
}

/** Counts as the vendor sent them, apart from the sum: `input` includes the cached tokens. */
export interface ReportedUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly reasoning: number;
}

/** @throws {ProviderError} `invalid_response` when the value is no JSON object. */
export function asObject(value: unknown): JsonObject {
  if (!isObject(value)) throw invalidResponse();
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws {ProviderError} `invalid_response` when the value is no array. */
export function asArray(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidResponse();
  return value;
}

/** @throws {ProviderError} `invalid_response` when the value is no text. */
export function asText(value: unknown): string {
  if (typeof value !== 'string') throw invalidResponse();
  return value;
}

/** A name that a vendor may have left out. */
export function nameOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/**
 * A number of tokens; 0 when the vendor left it out.
 * @throws {ProviderError} `invalid_response` when it is negative, not an integer or impossibly large.
 */
export function asCount(value: unknown): number {
  if (value === undefined || value === null) return 0;
  const isCount = typeof value === 'number' && Number.isInteger(value);
  if (!isCount || value < 0 || value > TOKENS_MAX) throw invalidResponse();
  return value;
}

/** A part that is larger than its whole is cut to it: the whole is what is paid, and the answer is paid. */
export function reportedUsage(reported: ReportedUsage): Usage {
  const inputTokens = asCount(reported.input);
  const cacheReadTokens = Math.min(reported.cacheRead, inputTokens);
  return {
    inputTokens,
    outputTokens: reported.output,
    cacheReadTokens,
    cacheWriteTokens: Math.min(reported.cacheWrite, inputTokens - cacheReadTokens),
    reasoningTokens: Math.min(reported.reasoning, reported.output),
    source: 'provider',
  };
}

/** Usage of an answer that carries none: paid all the same, so it is estimated and marked. */
export function estimatedUsage(params: ExecuteParams, output: ExecutionOutput): Usage {
  return {
    inputTokens: estimateInputTokens(params).tokens,
    outputTokens: estimateOutputTokens(output),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'estimated',
  };
}

export function estimateOutputTokens(output: ExecutionOutput): number {
  const calls = output.toolCalls.map((call) => call.name + call.arguments).join('');
  return heuristicTokens(output.content + calls);
}

/** The list of a `GET …/models` answer, as both vendors shape it. */
export function readModelList(answer: unknown): { modelCount: number; model: string | null } {
  const models = asArray(asObject(answer).data);
  const first = models[0];
  return {
    modelCount: models.length,
    model: isObject(first) && typeof first.id === 'string' ? first.id : null,
  };
}
