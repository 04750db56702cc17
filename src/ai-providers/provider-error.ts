import type { ErrorCode } from '../common';
import type { ExecutionOutput, Usage } from './ai-provider.interface';
import type { PricedCost } from './pricing/cost.types';

/** Why a provider call failed, in our words. Each is a code of the error catalogue of the same name. */
export const PROVIDER_ERROR_CATEGORIES = [
  'invalid_request',
  'context_length_exceeded',
  'content_filtered',
  'request_too_large',
  'model_not_found',
  'credential_invalid',
  'permission_denied',
  'quota_exhausted',
  'billing_error',
  'request_exceeds_rate_limit',
  'rate_limited',
  'overloaded',
  'server_error',
  'gateway_error',
  'provider_timeout',
  'provider_conflict',
  'connect_failed',
  'connection_lost',
  'timeout_no_response',
  'response_truncated',
  'invalid_response',
  'deadline_exceeded',
  'blocked_destination',
  'cancelled',
  'internal',
] as const satisfies readonly ErrorCode[];

/** One of {@link PROVIDER_ERROR_CATEGORIES}. */
export type ProviderErrorCategory = (typeof PROVIDER_ERROR_CATEGORIES)[number];

/** What is known of the money after a failed call. `unknown`: the vendor may have run it. */
export type Billed = 'no' | 'yes' | 'partial' | 'unknown';

/**
 * Whether another attempt makes sense. `transient` and `throttled` differ in their base delay;
 * `ambiguous` (the first call may have been billed) is retried once at most.
 */
export type RetryClass = 'never' | 'transient' | 'throttled' | 'ambiguous';

/** All that is known of a failed provider call; no free text of the provider. */
export interface ProviderErrorFields {
  readonly category: ProviderErrorCategory;
  readonly retry: RetryClass;
  readonly billed: Billed;
  /** The vendor's Retry-After in milliseconds, ≥ 0 and finite. */
  readonly retryAfterMs?: number;
  /** HTTP status of the vendor's answer, if it answered. */
  readonly upstreamStatus?: number;
  /** The vendor's machine-readable code, only if it matches `^[a-z0-9_.-]{1,64}$`. */
  readonly upstreamCode?: string;
  readonly providerRequestId?: string;
  /** What a call used that broke off after it began to answer. `estimated` unless every count is the vendor's. */
  readonly usage?: Usage;
  /** What that usage costs; `null` when the price is unknown. Present exactly when `usage` is. */
  readonly cost?: PricedCost | null;
  /** The model that had begun to answer. */
  readonly model?: string;
  /**
   * The answer so far: exactly the pieces that were reported. A tool call in it may lack its id, its name
   * and the end of its arguments.
   */
  readonly output?: ExecutionOutput;
}

/** What is known of an answer that broke off. */
type PartialAnswer = Pick<ProviderErrorFields, 'usage' | 'cost' | 'model' | 'output'>;

/**
 * A classified failure of one provider call. Its message is built from our own vocabulary; the vendor's
 * text is never part of it, because vendors echo keys and prompts. For the same reason
 * it has no `cause`, and the part of an answer that it may carry is not printed with it.
 */
export class ProviderError extends Error {
  readonly category: ProviderErrorCategory;
  readonly retry: RetryClass;
  readonly billed: Billed;
  readonly retryAfterMs?: number;
  readonly upstreamStatus?: number;
  readonly upstreamCode?: string;
  readonly providerRequestId?: string;
  readonly #partial: PartialAnswer;

  constructor(fields: ProviderErrorFields) {
    super(describe(fields));
    this.name = 'ProviderError';
    this.category = fields.category;
    this.retry = fields.retry;
    this.billed = fields.billed;
    this.retryAfterMs = fields.retryAfterMs;
    this.upstreamStatus = fields.upstreamStatus;
    this.upstreamCode = fields.upstreamCode;
    this.providerRequestId = fields.providerRequestId;
    const { usage, cost, model, output } = fields;
    this.#partial = { usage, cost, model, output };
  }

  get usage(): Usage | undefined {
    return this.#partial.usage;
  }

  get cost(): PricedCost | null | undefined {
    return this.#partial.cost;
  }

  get model(): string | undefined {
    return this.#partial.model;
  }

  get output(): ExecutionOutput | undefined {
    return this.#partial.output;
  }

  /** The same failure with other values for some fields. */
  with(changes: Partial<ProviderErrorFields>): ProviderError {
    const { category, retry, billed, retryAfterMs, upstreamStatus } = this;
    const { upstreamCode, providerRequestId } = this;
    return new ProviderError({
      category,
      retry,
      billed,
      retryAfterMs,
      upstreamStatus,
      upstreamCode,
      providerRequestId,
      ...this.#partial,
      ...changes,
    });
  }
}

function describe(fields: ProviderErrorFields): string {
  const status = fields.upstreamStatus === undefined ? '' : `, HTTP ${fields.upstreamStatus}`;
  const code = fields.upstreamCode === undefined ? '' : `, code ${fields.upstreamCode}`;
  return `provider call failed: ${fields.category}${status}${code}`;
}
