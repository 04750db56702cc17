import type { Billed, ProviderErrorCategory, RetryClass } from './provider-error';

/** What a category means for the money and for another attempt, unless the answer says otherwise. */
export const CATEGORY_DEFAULTS: Readonly<
  Record<ProviderErrorCategory, { readonly retry: RetryClass; readonly billed: Billed }>
> = {
  invalid_request: { retry: 'never', billed: 'no' },
  context_length_exceeded: { retry: 'never', billed: 'no' },
  content_filtered: { retry: 'never', billed: 'no' },
  request_too_large: { retry: 'never', billed: 'no' },
  model_not_found: { retry: 'never', billed: 'no' },
  credential_invalid: { retry: 'never', billed: 'no' },
  permission_denied: { retry: 'never', billed: 'no' },
  quota_exhausted: { retry: 'never', billed: 'no' },
  billing_error: { retry: 'never', billed: 'no' },
  request_exceeds_rate_limit: { retry: 'never', billed: 'no' },
  rate_limited: { retry: 'throttled', billed: 'no' },
  overloaded: { retry: 'throttled', billed: 'no' },
  server_error: { retry: 'transient', billed: 'no' },
  gateway_error: { retry: 'ambiguous', billed: 'unknown' },
  provider_timeout: { retry: 'ambiguous', billed: 'unknown' },
  // Safe to repeat, but a conflict that is still there after one repetition stays.
  provider_conflict: { retry: 'ambiguous', billed: 'no' },
  connect_failed: { retry: 'transient', billed: 'no' },
  connection_lost: { retry: 'ambiguous', billed: 'unknown' },
  timeout_no_response: { retry: 'ambiguous', billed: 'unknown' },
  response_truncated: { retry: 'ambiguous', billed: 'yes' },
  invalid_response: { retry: 'ambiguous', billed: 'unknown' },
  deadline_exceeded: { retry: 'never', billed: 'unknown' },
  blocked_destination: { retry: 'never', billed: 'no' },
  cancelled: { retry: 'never', billed: 'unknown' },
  internal: { retry: 'never', billed: 'unknown' },
};

/** `x-should-retry: true` does not make these retryable: only the account's owner can end them. */
export const NEVER_RETRIED: ReadonlySet<ProviderErrorCategory> = new Set([
  'credential_invalid',
  'permission_denied',
  'quota_exhausted',
  'billing_error',
  'request_exceeds_rate_limit',
]);

/** A broad word such as `invalid_request_error`: it counts only when the HTTP status, if any, is in range. */
export interface TypeRule {
  readonly category: ProviderErrorCategory;
  /** Inclusive. Absent: any status. */
  readonly statuses?: readonly [least: number, most: number];
}

/** A sentence that a vendor sends where it has no code. */
export interface TextRule {
  readonly category: ProviderErrorCategory;
  readonly pattern: RegExp;
  /** The month in which the vendor was last seen to send this, as `YYYY-MM`. */
  readonly seen: string;
}

/** How one vendor words its failures. Keys are lower case. */
export interface ProviderErrorRules {
  /** Codes that mean one thing only. */
  readonly codes: Readonly<Record<string, ProviderErrorCategory>>;
  readonly texts: readonly TextRule[];
  /** Codes and types that a sentence or the status may narrow. */
  readonly types: Readonly<Record<string, TypeRule>>;
  /**
   * Codes and types that only a passing rate limit has. Vendors also send an exhausted spend limit as a 429
   * and, until they give it a code, like any other; it never has a Retry-After. So a 429 with neither is
   * worth one repetition, not a series.
   */
  readonly passingLimits: ReadonlySet<string>;
}

interface StatusRule extends TypeRule {
  readonly statuses: readonly [least: number, most: number];
}

/** What the HTTP status alone says. First match. 520–527 are Cloudflare's, 529 is Anthropic's. */
export const STATUS_RULES: readonly StatusRule[] = [
  { statuses: [401, 401], category: 'credential_invalid' },
  { statuses: [402, 402], category: 'billing_error' },
  { statuses: [403, 403], category: 'permission_denied' },
  { statuses: [404, 404], category: 'model_not_found' },
  { statuses: [408, 408], category: 'provider_timeout' },
  { statuses: [409, 409], category: 'provider_conflict' },
  { statuses: [413, 413], category: 'request_too_large' },
  { statuses: [429, 429], category: 'rate_limited' },
  { statuses: [400, 499], category: 'invalid_request' },
  { statuses: [502, 502], category: 'gateway_error' },
  { statuses: [503, 503], category: 'overloaded' },
  { statuses: [504, 504], category: 'gateway_error' },
  { statuses: [520, 527], category: 'gateway_error' },
  { statuses: [529, 529], category: 'overloaded' },
  { statuses: [500, 599], category: 'server_error' },
];

/** Error codes of Node.js and undici, searched along the chain of causes. */
export const TRANSPORT_RULES: Readonly<Record<string, ProviderErrorCategory>> = {
  ENOTFOUND: 'connect_failed',
  EAI_AGAIN: 'connect_failed',
  ECONNREFUSED: 'connect_failed',
  EHOSTUNREACH: 'connect_failed',
  ENETUNREACH: 'connect_failed',
  UND_ERR_CONNECT_TIMEOUT: 'connect_failed',
  CERT_HAS_EXPIRED: 'connect_failed',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'connect_failed',
  SELF_SIGNED_CERT_IN_CHAIN: 'connect_failed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'connect_failed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'connect_failed',
  ECONNRESET: 'connection_lost',
  EPIPE: 'connection_lost',
  UND_ERR_SOCKET: 'connection_lost',
  UND_ERR_HEADERS_TIMEOUT: 'timeout_no_response',
  UND_ERR_BODY_TIMEOUT: 'response_truncated',
};

/** Names of the SDKs' error classes for a request without an answer. */
export const SDK_CLASS_RULES: Readonly<Record<string, ProviderErrorCategory>> = {
  APIUserAbortError: 'cancelled',
  APIConnectionTimeoutError: 'timeout_no_response',
  // Without a known code in its causes nothing proves that the request was not written.
  APIConnectionError: 'connection_lost',
};
