import type { ProviderErrorRules } from '../provider-error-rules';

/** How OpenAI words its failures: platform.openai.com/docs/guides/error-codes, and what it was seen to send. */
export const OPENAI_ERRORS: ProviderErrorRules = {
  codes: {
    invalid_api_key: 'credential_invalid',
    account_deactivated: 'credential_invalid',
    ip_not_authorized: 'credential_invalid',
    unsupported_country_region_territory: 'permission_denied',
    insufficient_quota: 'quota_exhausted',
    billing_hard_limit_reached: 'quota_exhausted',
    credit_balance_exhausted: 'quota_exhausted',
    organization_spend_limit_exceeded: 'quota_exhausted',
    project_spend_limit_exceeded: 'quota_exhausted',
    organization_usage_limit_exceeded: 'quota_exhausted',
    billing_not_active: 'billing_error',
    model_not_found: 'model_not_found',
    context_length_exceeded: 'context_length_exceeded',
    content_policy_violation: 'content_filtered',
    content_filter: 'content_filtered',
    invalid_prompt: 'content_filtered',
    bio_policy: 'content_filtered',
    slow_down: 'rate_limited',
    server_is_overloaded: 'overloaded',
    engine_overloaded: 'overloaded',
  },
  texts: [
    {
      // Comes with the code of a plain rate limit, but the request can never fit.
      category: 'request_exceeds_rate_limit',
      pattern: /^Request too large for .{1,200}(?:tokens per min|TPM)/,
      seen: '2026-10',
    },
    {
      category: 'context_length_exceeded',
      pattern: /^This model's maximum context length is \d+ tokens/,
      seen: '2026-10',
    },
    {
      category: 'quota_exhausted',
      pattern: /^You exceeded your current quota/,
      seen: '2026-10',
    },
  ],
  types: {
    insufficient_quota: { category: 'quota_exhausted' },
    rate_limit_exceeded: { category: 'rate_limited' },
    rate_limit_error: { category: 'rate_limited', statuses: [429, 429] },
    tokens: { category: 'rate_limited', statuses: [429, 429] },
    requests: { category: 'rate_limited', statuses: [429, 429] },
    service_unavailable_error: { category: 'overloaded' },
    overloaded_error: { category: 'overloaded' },
    server_error: { category: 'server_error', statuses: [500, 500] },
    invalid_request_error: { category: 'invalid_request', statuses: [400, 400] },
  },
  passingLimits: new Set(['rate_limit_exceeded', 'slow_down', 'requests', 'tokens']),
};
