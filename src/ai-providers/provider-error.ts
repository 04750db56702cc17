import type { ErrorCode } from '../common';

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
}

/**
 * A classified failure of one provider call. Its message is built from our own vocabulary; the vendor's
 * text is never part of it, because vendors echo keys and prompts. For the same reason
 * it has no `cause`.
 */
export class ProviderError extends Error {
  readonly category: ProviderErrorCategory;
  readonly retry: RetryClass;
  readonly billed: Billed;
  readonly retryAfterMs?: number;
  readonly upstreamStatus?: number;
  readonly upstreamCode?: string;
  readonly providerRequestId?: string;

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
  }
}

function describe(fields: ProviderErrorFields): string {
  const status = fields.upstreamStatus === undefined ? '' : `, HTTP ${fields.upstreamStatus}`;
  const code = fields.upstreamCode === undefined ? '' : `, code ${fields.upstreamCode}`;
  return `provider call failed: ${fields.category}${status}${code}`;
}
