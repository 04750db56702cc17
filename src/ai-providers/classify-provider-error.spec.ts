import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { inspect } from 'node:util';
import { Secret } from '../common';
import { classifyProviderError } from './classify-provider-error';
import { ProviderError } from './provider-error';
import { ANTHROPIC_ERRORS } from './providers/anthropic-errors';
import { OPENAI_ERRORS } from './providers/openai-errors';

const KEY = 'sk-test-classify-0123456789';
const secret = new Secret(KEY);

interface Upstream {
  readonly status: number;
  readonly code?: string | null;
  readonly type?: string;
  readonly message?: string;
  readonly headers?: Record<string, string>;
}

/** The error as the SDK itself makes it from an answer. */
function fromOpenAI({ status, code = null, type, message = 'no', headers = {} }: Upstream) {
  const body = { error: { message, type, code, param: null } };
  const error = OpenAI.APIError.generate(status, body, undefined, new Headers(headers));
  return classifyProviderError(error, { rules: OPENAI_ERRORS, secret });
}

function fromAnthropic({ status, code, type, message = 'no', headers = {} }: Upstream) {
  const details = code == null ? undefined : { error_code: code };
  const body = { type: 'error', error: { type, message, details } };
  const error = Anthropic.APIError.generate(status, body, undefined, new Headers(headers));
  return classifyProviderError(error, { rules: ANTHROPIC_ERRORS, secret });
}

const TOO_LARGE =
  'Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 36278.';

describe('classifyProviderError', () => {
  // The numbers are the rows of research/reliability.md §1.4.
  it.each<[string, Upstream, Partial<ProviderError>]>([
    ['2', { status: 400, type: 'invalid_request_error' }, { category: 'invalid_request' }],
    [
      '3',
      { status: 400, code: 'context_length_exceeded' },
      { category: 'context_length_exceeded' },
    ],
    ['6', { status: 413 }, { category: 'request_too_large' }],
    ['7', { status: 422 }, { category: 'invalid_request' }],
    ['8', { status: 404, code: 'model_not_found' }, { category: 'model_not_found' }],
    ['9', { status: 401, type: 'invalid_request_error' }, { category: 'credential_invalid' }],
    ['9b', { status: 401, code: 'invalid_api_key' }, { category: 'credential_invalid' }],
    [
      '10',
      { status: 403, code: 'unsupported_country_region_territory' },
      { category: 'permission_denied' },
    ],
    [
      '11',
      { status: 429, code: 'insufficient_quota', type: 'insufficient_quota' },
      { category: 'quota_exhausted', retry: 'never' },
    ],
    [
      '11b',
      { status: 429, code: 'credit_balance_exhausted', type: 'rate_limit_error' },
      { category: 'quota_exhausted', retry: 'never' },
    ],
    [
      '11c',
      { status: 429, code: 'a_new_code', type: 'insufficient_quota' },
      { category: 'quota_exhausted', retry: 'never' },
    ],
    ['14', { status: 402 }, { category: 'billing_error', retry: 'never' }],
    [
      '15',
      { status: 429, code: 'rate_limit_exceeded', type: 'requests' },
      { category: 'rate_limited', retry: 'throttled', billed: 'no' },
    ],
    ['15b', { status: 503, code: 'slow_down' }, { category: 'rate_limited', retry: 'throttled' }],
    [
      '15c',
      { status: 429, code: 'a_new_code' },
      { category: 'rate_limited', retry: 'ambiguous', billed: 'no' },
    ],
    [
      '16',
      { status: 429, code: 'rate_limit_exceeded', type: 'tokens', message: TOO_LARGE },
      { category: 'request_exceeds_rate_limit', retry: 'never' },
    ],
    [
      '18',
      { status: 503, type: 'service_unavailable_error' },
      { category: 'overloaded', retry: 'throttled' },
    ],
    [
      '19',
      { status: 500, type: 'server_error' },
      { category: 'server_error', retry: 'transient', billed: 'no' },
    ],
    [
      '20',
      { status: 502, type: 'server_error' },
      { category: 'gateway_error', retry: 'ambiguous', billed: 'unknown' },
    ],
    ['21', { status: 408 }, { category: 'provider_timeout', retry: 'ambiguous' }],
    ['22', { status: 409 }, { category: 'provider_conflict', retry: 'ambiguous', billed: 'no' }],
    ['34', { status: 400, code: 'content_policy_violation' }, { category: 'content_filtered' }],
    ['a gateway', { status: 404, type: 'api_error' }, { category: 'model_not_found' }],
    [
      'a property of every object',
      { status: 400, code: 'constructor', type: 'toString' },
      { category: 'invalid_request' },
    ],
  ])('OpenAI, row %s', (_row, upstream, expected) => {
    expect(fromOpenAI(upstream)).toMatchObject({ upstreamStatus: upstream.status, ...expected });
  });

  it.each<[string, Upstream, Partial<ProviderError>]>([
    [
      '4',
      {
        status: 400,
        type: 'invalid_request_error',
        message: 'prompt is too long: 201000 tokens > 200000 maximum',
      },
      { category: 'context_length_exceeded' },
    ],
    [
      '6',
      { status: 413, code: 'request_body_too_large_after_decoding' },
      { category: 'request_too_large' },
    ],
    ['7', { status: 400, code: 'image_dimensions_too_large' }, { category: 'invalid_request' }],
    ['8', { status: 404, type: 'not_found_error' }, { category: 'model_not_found' }],
    [
      '10',
      { status: 400, code: 'organization_on_hold' },
      { category: 'permission_denied', retry: 'never' },
    ],
    [
      '12',
      { status: 429, type: 'rate_limit_error', code: 'enforced_spend_limit_reached' },
      { category: 'quota_exhausted', retry: 'never' },
    ],
    [
      '12b',
      { status: 429, type: 'rate_limit_error' },
      { category: 'rate_limited', retry: 'ambiguous', billed: 'no' },
    ],
    [
      '13',
      {
        status: 400,
        type: 'invalid_request_error',
        message:
          'You have reached your specified workspace API usage limits. You will regain access on 2026-12-01.',
      },
      { category: 'quota_exhausted' },
    ],
    [
      '13b',
      {
        status: 400,
        type: 'invalid_request_error',
        message: 'Your credit balance is too low to access the Anthropic API.',
      },
      { category: 'quota_exhausted' },
    ],
    ['14', { status: 402, type: 'billing_error' }, { category: 'billing_error' }],
    [
      '14b',
      { status: 402, code: 'linked_organization_spend_limit_reached' },
      { category: 'billing_error' },
    ],
    [
      '15',
      { status: 429, type: 'rate_limit_error', code: 'ramp_limit_exceeded' },
      { category: 'rate_limited', retry: 'throttled' },
    ],
    [
      '18',
      { status: 529, type: 'overloaded_error' },
      { category: 'overloaded', retry: 'throttled' },
    ],
    ['19', { status: 500, type: 'api_error' }, { category: 'server_error' }],
    [
      '21',
      { status: 504, type: 'timeout_error' },
      { category: 'provider_timeout', billed: 'unknown' },
    ],
    [
      '22',
      { status: 400, code: 'thread_continue_in_flight' },
      { category: 'provider_conflict', retry: 'ambiguous' },
    ],
  ])('Anthropic, row %s', (_row, upstream, expected) => {
    expect(fromAnthropic(upstream)).toMatchObject({ upstreamStatus: upstream.status, ...expected });
  });

  it('reads an error event of a stream, which has no status (row 31)', () => {
    const event = { type: 'error', error: { type: 'overloaded_error', message: 'no' } };
    const error = new Anthropic.APIError(undefined, event, undefined, undefined);
    const classified = classifyProviderError(error, { rules: ANTHROPIC_ERRORS, secret });
    expect(classified).toMatchObject({ category: 'overloaded', upstreamStatus: undefined });
  });

  it('keeps Retry-After, and obeys x-should-retry within limits (rows 17, 23)', () => {
    const headers = { 'retry-after': '3600' };
    expect(fromOpenAI({ status: 429, headers })).toMatchObject({
      retry: 'throttled',
      retryAfterMs: 3_600_000,
    });
    const retry = (status: number, wish: string, code?: string) =>
      fromOpenAI({ status, code, headers: { 'x-should-retry': wish } }).retry;
    expect(retry(400, 'true')).toBe('transient');
    expect(retry(400, 'perhaps')).toBe('never');
    expect(retry(500, 'false')).toBe('never');
    // May have been billed: a header does not make that certain.
    expect(retry(502, 'true')).toBe('ambiguous');
    expect(retry(401, 'true')).toBe('never');
    expect(retry(429, 'true', 'insufficient_quota')).toBe('never');
  });

  it.each([
    [400, 'invalid_request', 'never', 'no'],
    [403, 'permission_denied', 'never', 'no'],
    [404, 'invalid_response', 'never', 'no'],
    [413, 'request_too_large', 'never', 'no'],
    [504, 'gateway_error', 'ambiguous', 'unknown'],
    [522, 'gateway_error', 'ambiguous', 'unknown'],
    [503, 'overloaded', 'throttled', 'no'],
  ])('classifies a page of HTML with status %p as %p', (status, category, retry, billed) => {
    const page = `<html>${KEY} prompt is too long: 9 tokens > 1 maximum</html>`;
    const error = Anthropic.APIError.generate(status, undefined, page, new Headers());
    const classified = classifyProviderError(error, { rules: ANTHROPIC_ERRORS, secret });
    expect(classified).toMatchObject({ category, retry, billed });
    expect(inspect(classified, { depth: 20, showHidden: true })).not.toContain(KEY);
  });

  it.each([
    ['ENOTFOUND', 'connect_failed', 'no'],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect_failed', 'no'],
    ['CERT_HAS_EXPIRED', 'connect_failed', 'no'],
    ['ECONNRESET', 'connection_lost', 'unknown'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timeout_no_response', 'unknown'],
    ['EWHATEVER', 'connection_lost', 'unknown'],
  ])('finds %p in the chain of causes', (code, category, billed) => {
    const cause = Object.assign(new Error(KEY), { code });
    const error = new OpenAI.APIConnectionError({
      cause: new TypeError('fetch failed', { cause }),
    });
    const classified = classifyProviderError(error, { rules: OPENAI_ERRORS, secret });
    expect(classified).toMatchObject({ category, billed });
  });

  it.each([
    [new OpenAI.APIUserAbortError(), 'cancelled'],
    [new DOMException('aborted', 'AbortError'), 'cancelled'],
    [new Anthropic.APIConnectionTimeoutError(), 'timeout_no_response'],
    [new SyntaxError('Unexpected token'), 'invalid_response'],
    [new TypeError('undefined is not a function'), 'internal'],
    ['a text', 'internal'],
    [undefined, 'internal'],
  ])('classifies %p as %p', (error, category) => {
    expect(classifyProviderError(error, { rules: OPENAI_ERRORS, secret }).category).toBe(category);
  });

  it('returns our own error, even from deep in the causes', () => {
    const own = new ProviderError({ category: 'connect_failed', retry: 'transient', billed: 'no' });
    const error = new OpenAI.APIConnectionError({ cause: new Error('x', { cause: own }) });
    expect(classifyProviderError(error, { rules: OPENAI_ERRORS, secret })).toBe(own);
    const circular = new Error('circular');
    circular.cause = circular;
    expect(classifyProviderError(circular, { rules: OPENAI_ERRORS, secret }).category).toBe(
      'internal',
    );
  });

  it('repeats a code only when it has the form of one and is no part of the key', () => {
    const codeOf = (code: string) => fromOpenAI({ status: 400, code }).upstreamCode;
    expect(codeOf('some_new_code')).toBe('some_new_code');
    expect(codeOf('Some_New_Code')).toBe('some_new_code');
    for (const code of ['with space', 'a'.repeat(65), KEY, KEY.slice(-10), `x-${KEY}`]) {
      expect(codeOf(code)).toBeUndefined();
    }
    expect(fromOpenAI({ status: 400, type: 'a_type' }).upstreamCode).toBe('a_type');
  });

  it('keeps the request id, unless it echoes the key', () => {
    const idOf = (id: string) =>
      fromOpenAI({ status: 500, headers: { 'x-request-id': id } }).providerRequestId;
    expect(idOf('req_0123')).toBe('req_0123');
    expect(idOf(KEY)).toBeUndefined();
    expect(idOf('has space')).toBeUndefined();
  });
});
