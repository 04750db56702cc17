import { createHash } from 'node:crypto';
import { AppError } from '../../common';
import type { IdempotencyClaim } from '../ledger/ledger-rows';

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header: any text; ours may be unquoted. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Reads the header `Idempotency-Key`.
 * @param request - what is asked, route and options included: the same key stands for nothing else.
 * @throws {AppError} `validation_failed`
 */
export function readIdempotencyKey(
  header: string | undefined,
  request: unknown,
): IdempotencyClaim | null {
  if (header === undefined) return null;
  if (!KEY.test(header)) {
    const message = 'Send 1 to 255 visible ASCII characters without spaces.';
    throw new AppError('validation_failed', message, {
      fields: [{ pointer: 'header:Idempotency-Key', message }],
    });
  }
  const fingerprint = createHash('sha256').update(canonicalJson(request)).digest('hex');
  return { key: header, fingerprint };
}

/** The same text for the same value, whatever the order of its members. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(
      Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  });
}
