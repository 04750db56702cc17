import type { ProviderErrorRules } from '../provider-error-rules';

/**
 * How Anthropic words its failures: platform.claude.com/docs/en/api/errors, the codes of
 * `error.details.error_code` in its SDK 1.12, and what it was seen to send.
 */
export const ANTHROPIC_ERRORS: ProviderErrorRules = {
  codes: {
    organization_on_hold: 'permission_denied',
    organization_type_not_supported: 'permission_denied',
    cmek_key_disabled: 'permission_denied',
    cmek_key_network_blocked: 'permission_denied',
    enforced_spend_limit_reached: 'quota_exhausted',
    contract_spend_limit_reached: 'quota_exhausted',
    linked_organization_billing_unavailable: 'billing_error',
    linked_organization_spend_limit_reached: 'billing_error',
    ramp_limit_exceeded: 'rate_limited',
    request_body_too_large_after_decoding: 'request_too_large',
    image_dimensions_too_large: 'invalid_request',
    thread_continue_in_flight: 'provider_conflict',
  },
  texts: [
    {
      category: 'context_length_exceeded',
      pattern: /^prompt is too long: \d+ tokens > \d+ maximum/,
      seen: '2026-10',
    },
    {
      category: 'context_length_exceeded',
      pattern: /^input length and `max_tokens` exceed context limit/,
      seen: '2026-10',
    },
    {
      category: 'quota_exhausted',
      pattern: /^You have reached your specified (?:workspace )?API usage limits/,
      seen: '2026-10',
    },
    {
      category: 'quota_exhausted',
      pattern: /credit balance is too low/,
      seen: '2026-10',
    },
  ],
  types: {
    authentication_error: { category: 'credential_invalid' },
    permission_error: { category: 'permission_denied' },
    billing_error: { category: 'billing_error' },
    not_found_error: { category: 'model_not_found' },
    request_too_large: { category: 'request_too_large' },
    rate_limit_error: { category: 'rate_limited' },
    overloaded_error: { category: 'overloaded' },
    timeout_error: { category: 'provider_timeout' },
    conflict_error: { category: 'provider_conflict' },
    api_error: { category: 'server_error', statuses: [500, 500] },
    invalid_request_error: { category: 'invalid_request', statuses: [400, 400] },
  },
  passingLimits: new Set(['ramp_limit_exceeded']),
};
