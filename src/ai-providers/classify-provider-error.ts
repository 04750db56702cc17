import type { Secret } from '../common';
import { type AnswerHeaders, readRetryAfterMs } from '../outbound';
import { ProviderError, type ProviderErrorCategory, type RetryClass } from './provider-error';
import {
  CATEGORY_DEFAULTS,
  NEVER_RETRIED,
  SDK_CLASS_RULES,
  STATUS_RULES,
  TRANSPORT_RULES,
  type ProviderErrorRules,
  type TypeRule,
} from './provider-error-rules';

/** Codes of vendors that may be repeated in our error. */
const SAFE_CODE = /^[a-z0-9_.-]{1,64}$/;
const SAFE_REQUEST_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
/** A shorter part of the secret is a word by chance. */
const SECRET_FRAGMENT_MIN = 6;
const TEXT_MAX = 4096;
const CAUSES_MAX = 8;

/** What an SDK's error carries, as both official SDKs shape it; everything may be missing. */
interface UpstreamFailure {
  readonly status: number | undefined;
  readonly headers: AnswerHeaders | undefined;
  readonly requestId: string | undefined;
  /** The innermost `error` object of the body, if the body was JSON. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly code: string | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

export interface ClassifyOptions {
  readonly rules: ProviderErrorRules;
  /** The key in use, so that a code that echoes it is dropped. */
  readonly secret: Secret | null;
  /** Milliseconds since the epoch, for a Retry-After that is a date. */
  readonly now?: number;
}

/**
 * Any failure of a call through an SDK as a {@link ProviderError}. First match: our own error, the body's
 * code, the vendor's sentences, the body's type, the HTTP status, the chain of causes. Never the SDK's
 * class where there is an answer: its `RateLimitError` is five different things. The result keeps nothing of the error it came
 * from but checked codes and numbers.
 */
export function classifyProviderError(error: unknown, options: ClassifyOptions): ProviderError {
  const own = findInCauses(error, (cause) => (cause instanceof ProviderError ? cause : undefined));
  if (own !== undefined) return own;
  const failure = readFailure(error);
  const retryAfterMs = readRetryAfterMs(failure.headers, options.now ?? Date.now());
  const category = categoryOf(error, failure, options.rules);
  const isSafe = (text: string | undefined, pattern: RegExp): text is string =>
    text !== undefined && pattern.test(text) && !reveals(text, options.secret);
  const upstreamCode = [failure.code, failure.type].find((code) => isSafe(code, SAFE_CODE));
  return new ProviderError({
    category,
    billed: billedOf(category, failure),
    retry: retryOf(category, failure, retryAfterMs, options.rules),
    retryAfterMs,
    upstreamStatus: failure.status,
    upstreamCode,
    providerRequestId: isSafe(failure.requestId, SAFE_REQUEST_ID) ? failure.requestId : undefined,
  });
}

/** A vendor's request id as it may be stored: checked, and never an echo of the key. */
export function safeRequestId(value: unknown, secret: Secret | null): string | null {
  if (typeof value !== 'string' || !SAFE_REQUEST_ID.test(value)) return null;
  return reveals(value, secret) ? null : value;
}

/** An answer with a good status that is no completion. The vendor may have run and billed the request. */
export function invalidResponse(): ProviderError {
  return new ProviderError({ category: 'invalid_response', ...CATEGORY_DEFAULTS.invalid_response });
}

function categoryOf(
  error: unknown,
  failure: UpstreamFailure,
  rules: ProviderErrorRules,
): ProviderErrorCategory {
  return (
    ownEntry(rules.codes, failure.code) ??
    rules.texts.find((rule) => rule.pattern.test(failure.text))?.category ??
    matchingType(ownEntry(rules.types, failure.code), failure.status) ??
    matchingType(ownEntry(rules.types, failure.type), failure.status) ??
    statusCategory(failure) ??
    causeCategory(error) ??
    sdkClassCategory(error) ??
    // Only what came from an answer can be an invalid answer; the rest is a fault of ours.
    (isSdkError(error) || error instanceof SyntaxError ? 'invalid_response' : 'internal')
  );
}

function statusCategory(failure: UpstreamFailure): ProviderErrorCategory | undefined {
  // A 404 page that is no JSON comes from something that is not the vendor's API: a wrong base URL.
  if (failure.status === 404 && failure.body === undefined) return 'invalid_response';
  return STATUS_RULES.map((rule) => matchingType(rule, failure.status ?? 0)).find(
    (category) => category !== undefined,
  );
}

function matchingType(
  rule: TypeRule | undefined,
  status: number | undefined,
): ProviderErrorCategory | undefined {
  if (rule?.statuses === undefined || status === undefined) return rule?.category;
  const [least, most] = rule.statuses;
  return status >= least && status <= most ? rule.category : undefined;
}

function causeCategory(error: unknown): ProviderErrorCategory | undefined {
  return findInCauses(error, (cause) => {
    // By shape: a DOMException of another realm is no instance of our `Error`.
    if (!isRecord(cause)) return undefined;
    if (cause.name === 'AbortError') return 'cancelled';
    return typeof cause.code === 'string' ? ownEntry(TRANSPORT_RULES, cause.code) : undefined;
  });
}

/** The three classes of both SDKs that mean one thing each, and that carry nothing else to go by. */
function sdkClassCategory(error: unknown): ProviderErrorCategory | undefined {
  return error instanceof Error ? ownEntry(SDK_CLASS_RULES, error.constructor.name) : undefined;
}

function billedOf(category: ProviderErrorCategory, failure: UpstreamFailure) {
  // A refusal with a status of the 4xx class was never run, whatever its body looks like.
  const isRefused = failure.status !== undefined && failure.status >= 400 && failure.status < 500;
  if (category === 'invalid_response' && isRefused) return 'no';
  return CATEGORY_DEFAULTS[category].billed;
}

function retryOf(
  category: ProviderErrorCategory,
  failure: UpstreamFailure,
  retryAfterMs: number | undefined,
  rules: ProviderErrorRules,
): RetryClass {
  const wish = failure.headers?.get('x-should-retry')?.trim().toLowerCase();
  if (wish === 'false' || NEVER_RETRIED.has(category)) return 'never';
  const usual = usualRetry(category, failure, retryAfterMs, rules);
  return wish === 'true' && usual === 'never' ? 'transient' : usual;
}

function usualRetry(
  category: ProviderErrorCategory,
  failure: UpstreamFailure,
  retryAfterMs: number | undefined,
  rules: ProviderErrorRules,
): RetryClass {
  const isPassing = [failure.code, failure.type].some((word) =>
    rules.passingLimits.has(word ?? ''),
  );
  const isBare429 = failure.status === 429 && retryAfterMs === undefined && !isPassing;
  if (category === 'rate_limited' && isBare429) return 'ambiguous';
  if (category === 'invalid_response' && failure.status === 404) return 'never';
  return CATEGORY_DEFAULTS[category].retry;
}

function readFailure(error: unknown): UpstreamFailure {
  const outer = isRecord(error) ? error : {};
  const raw =
    isRecord(outer.error) && isRecord(outer.error.error) ? outer.error.error : outer.error;
  const body = isRecord(raw) ? raw : undefined;
  const details = isRecord(body?.details) ? body.details : {};
  const sentence = body?.message ?? raw;
  return {
    status: typeof outer.status === 'number' ? outer.status : undefined,
    headers: isAnswerHeaders(outer.headers) ? outer.headers : undefined,
    requestId: asText(outer.requestID),
    body,
    code: (asText(details.error_code) ?? asText(body?.code))?.toLowerCase(),
    type: asText(body?.type)?.toLowerCase(),
    text: (asText(sentence) ?? '').slice(0, TEXT_MAX),
  };
}

/** By shape: the headers of the undici package are no instance of the global `Headers`. */
function isAnswerHeaders(value: unknown): value is AnswerHeaders {
  return isRecord(value) && typeof value.get === 'function';
}

function isSdkError(error: unknown): boolean {
  return error instanceof Error && 'status' in error && 'headers' in error;
}

function findInCauses<T>(error: unknown, pick: (cause: unknown) => T | undefined): T | undefined {
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && current != null; depth += 1) {
    const found = pick(current);
    if (found !== undefined) return found;
    current = isRecord(current) ? current.cause : undefined;
  }
  return undefined;
}

/** Whether a short text of a vendor is the key, holds it, or is a part of it. */
export function reveals(text: string, secret: Secret | null): boolean {
  const value = secret?.expose() ?? '';
  if (value === '') return false;
  const lower = value.toLowerCase();
  return (
    text.toLowerCase().includes(lower) ||
    (text.length >= SECRET_FRAGMENT_MIN && lower.includes(text.toLowerCase()))
  );
}

/** The entry of a table, never an inherited property such as `constructor`. */
function ownEntry<T>(table: Readonly<Record<string, T>>, key: string | undefined): T | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
