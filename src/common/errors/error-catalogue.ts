/**
 * Every `code` a problem document may carry: its HTTP status, its title, and what the caller can do.
 * `docs/errors.md` lists the same codes; `test/architecture` compares the two in both directions.
 */
export const ERROR_CATALOGUE = {
  // The caller's request
  malformed_json: entry(400, 'The body is not valid JSON', 'Send a JSON object.'),
  validation_failed: entry(
    400,
    'The request has invalid fields',
    'Correct each field in `errors`.',
  ),
  blocked_destination: entry(
    400,
    'The destination is not allowed',
    'Use a public https URL, or ask the operator to allow the host (KEYRUN_ALLOWED_HOSTS).',
  ),
  secret_in_url: entry(
    400,
    'A secret was sent in the URL',
    'Send it in the Authorization header and revoke it.',
  ),
  ambiguous_credentials: entry(
    400,
    'The request has an access token and a session cookie',
    'Send one of them.',
  ),
  unauthenticated: entry(
    401,
    'A valid access token is required',
    'Send `Authorization: Bearer kr_pat_…`.',
  ),
  forbidden: entry(
    403,
    'The role of this token does not allow this',
    'Use a token with a higher role.',
  ),
  cross_site_request: entry(
    403,
    'The request may come from another site',
    'With a session cookie, send `x-keyrun-csrf: 1` and JSON, from a page of this server.',
  ),
  not_found: entry(
    404,
    'Not found',
    'Check the id, the route, and that your token belongs to the workspace.',
  ),
  method_not_allowed: entry(405, 'Method not allowed', 'See /docs for the methods of this route.'),
  conflict: entry(
    409,
    'The resource changed or exists already',
    'Read it again and repeat the request.',
  ),
  idempotency_in_flight: entry(
    409,
    'The first request with this Idempotency-Key is still running',
    'Wait for Retry-After, then repeat the request, or read the execution at Location.',
  ),
  body_too_large: entry(413, 'The body is too large', 'Send a smaller body.'),
  unsupported_media_type: entry(
    415,
    'The body must be JSON',
    'Send `Content-Type: application/json`.',
  ),
  misdirected_request: entry(
    421,
    'This server does not answer under that host name',
    'Use localhost, or ask the operator to add the name to KEYRUN_PUBLIC_HOSTS.',
  ),
  unprocessable: entry(422, 'The request is well-formed but cannot be done', 'See `detail`.'),
  idempotency_key_reused: entry(
    422,
    'The Idempotency-Key belongs to another request',
    'Send a new key with a new request. The same key needs the same route and body.',
  ),
  too_many_requests: entry(
    429,
    'Too many requests',
    'Wait for Retry-After, then repeat more slowly.',
  ),
  headers_too_large: entry(
    431,
    'The request has too many headers',
    'Send at most 100 header fields.',
  ),
  // The workspace's key or its provider account
  provider_key_missing: entry(
    424,
    'No usable key is saved for this provider',
    'Save a key for the provider.',
  ),
  provider_key_unreadable: entry(424, 'The saved key cannot be opened', 'Save the key again.'),
  content_unreadable: entry(
    424,
    'The stored content cannot be opened',
    'Ask the operator to restore the data and its keys. The rest can still be read.',
  ),
  credential_invalid: entry(424, 'The provider refused the key', 'Replace the key, then test it.'),
  permission_denied: entry(
    424,
    'The provider account may not do this',
    'Check the permissions of the key at the provider.',
  ),
  quota_exhausted: entry(
    424,
    'The provider account has no quota left',
    'Raise the limit or add credit at the provider.',
  ),
  billing_error: entry(
    424,
    'The provider reports a billing problem',
    'Settle billing at the provider.',
  ),
  model_not_found: entry(
    424,
    'The provider does not offer this model to the key',
    'Check the model name and the access of the key.',
  ),
  request_exceeds_rate_limit: entry(
    424,
    'The request alone exceeds the token rate limit of the account',
    'Send a smaller request or raise the limit at the provider.',
  ),
  // The provider refused or failed the request
  invalid_request: entry(
    422,
    'The provider refused the request',
    'Correct the request; repeating it cannot succeed.',
  ),
  context_length_exceeded: entry(
    422,
    'The request is longer than the context of the model',
    'Shorten it or choose a model with a longer context.',
  ),
  content_filtered: entry(422, 'The provider filtered the content', 'Change the request.'),
  request_too_large: entry(
    413,
    'The provider refused the size of the request',
    'Send a smaller request.',
  ),
  rate_limited: entry(
    429,
    'The provider limits the rate of this key',
    'Wait for Retry-After, then repeat.',
  ),
  overloaded: entry(503, 'The provider is overloaded', 'Repeat later.'),
  server_error: entry(502, 'The provider failed', 'Repeat later.'),
  gateway_error: entry(
    502,
    'A gateway in front of the provider failed',
    'Repeat later; the attempt may have been billed.',
  ),
  provider_timeout: entry(
    504,
    'The provider timed out',
    'Repeat later; the attempt may have been billed.',
  ),
  provider_conflict: entry(409, 'The provider reports a conflict', 'Repeat the request.'),
  connect_failed: entry(
    502,
    'The provider cannot be reached',
    'Check base URL and network; a private host must be allowed first. Nothing was sent.',
  ),
  connection_lost: entry(
    502,
    'The connection to the provider broke',
    'Repeat; the attempt may have been billed.',
  ),
  timeout_no_response: entry(
    504,
    'The provider did not answer in time',
    'Repeat with a longer timeoutMs; the attempt may have been billed.',
  ),
  response_truncated: entry(
    502,
    'The answer of the provider broke off',
    'Repeat; the attempt was probably billed.',
  ),
  invalid_response: entry(
    502,
    'The answer of the provider is no completion, or too long',
    'Check the base URL; the attempt may have been billed.',
  ),
  deadline_exceeded: entry(
    504,
    'The deadline of the execution passed',
    'Repeat with a longer timeoutMs.',
  ),
  cancelled: entry(409, 'The execution was cancelled', 'Start a new execution.'),
  interrupted: entry(
    502,
    'The server that ran the execution ended before it',
    'Unless billed is no, check at the provider before you start a new execution.',
  ),
  // This server
  not_ready: entry(503, 'The server is not ready', 'Repeat after Retry-After.'),
  ledger_unavailable: entry(
    503,
    'The ledger cannot be written, before the call or after its end',
    'Repeat after Retry-After. Without one, do not repeat: read the execution.',
  ),
  acceptance_unknown: entry(
    503,
    'It is not known whether the execution was queued',
    'Read it at Location, or repeat the request with the same Idempotency-Key.',
  ),
  key_service_unavailable: entry(
    503,
    'The key service that protects stored keys cannot be used',
    'Repeat after Retry-After. The log of the server names the reason.',
  ),
  internal: entry(500, 'Internal error', 'Report the requestId to the operator.'),
} as const;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE;

interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  /** One sentence for the reader of `docs/errors.md` and of the problem's `detail` when none is given. */
  readonly remedy: string;
}

function entry(status: number, title: string, remedy: string): CatalogueEntry {
  return { status, title, remedy };
}
