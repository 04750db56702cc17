import type { ProviderErrorFields } from '../provider-error';
import type { ContractBehaviour } from './ai-provider-contract';

/** What every vendor's failure must become: behaviour of the upstream → fields of the error. */
export const CONTRACT_FAILURES: readonly (readonly [
  string,
  ContractBehaviour,
  Partial<ProviderErrorFields>,
])[] = [
  ['400', { status: 400 }, { category: 'invalid_request', retry: 'never', billed: 'no' }],
  ['401', { status: 401 }, { category: 'credential_invalid', retry: 'never', billed: 'no' }],
  ['403', { status: 403 }, { category: 'permission_denied', retry: 'never', billed: 'no' }],
  ['404', { status: 404 }, { category: 'model_not_found', retry: 'never', billed: 'no' }],
  [
    '429 with Retry-After',
    { status: 429, headers: { 'retry-after': '7' } },
    { category: 'rate_limited', retry: 'throttled', billed: 'no', retryAfterMs: 7000 },
  ],
  ['500', { status: 500 }, { category: 'server_error', retry: 'transient', billed: 'no' }],
  ['529', { status: 529 }, { category: 'overloaded', retry: 'throttled', billed: 'no' }],
  [
    '502 with a page of HTML',
    { fault: 'html', status: 502 },
    { category: 'gateway_error', retry: 'ambiguous', billed: 'unknown' },
  ],
  [
    'a reset connection',
    { fault: 'reset-before-headers' },
    { category: 'connection_lost', retry: 'ambiguous', billed: 'unknown' },
  ],
  ...(['html', 'empty', 'junk'] as const).map(
    (fault) =>
      [
        `200 with ${fault}`,
        { fault, bytes: 64 },
        { category: 'invalid_response', retry: 'ambiguous', billed: 'unknown' },
      ] as const,
  ),
  ...[{ error: { message: 'no' } }, [], null, 7, { choices: [], content: [] }].map(
    (body) =>
      [
        `200 with ${JSON.stringify(body)}`,
        { ok: true, body: JSON.stringify(body) },
        { category: 'invalid_response', retry: 'ambiguous', billed: 'unknown' },
      ] as const,
  ),
];
