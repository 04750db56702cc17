/** A longer wait is no different to us: the execution fails and its caller is told to come back. */
export const RETRY_AFTER_MS_MAX = 24 * 60 * 60 * 1000;

/** The part of the headers of an answer that is read here. */
export interface AnswerHeaders {
  get(name: string): string | null;
}

const NUMBER = /^\d{1,15}(\.\d{1,9})?$/;
/** RFC 9110 §5.6.7; the obsolete forms end without `GMT` or have a long day name, and still parse. */
const HTTP_DATE = /^[A-Z][a-z]{2,8},? .{10,30}$/;

/**
 * The wait that an answer asks for, in milliseconds: `retry-after-ms`, or `Retry-After` in seconds or as an
 * HTTP date. 0 for a date in the past, at most {@link RETRY_AFTER_MS_MAX}; `undefined` when there is none
 * or it cannot be read.
 */
export function readRetryAfterMs(
  headers: AnswerHeaders | undefined,
  now: number,
): number | undefined {
  const milliseconds = headers?.get('retry-after-ms')?.trim() ?? '';
  if (NUMBER.test(milliseconds)) return bounded(Number(milliseconds));
  const value = headers?.get('retry-after')?.trim() ?? '';
  if (NUMBER.test(value)) return bounded(Number(value) * 1000);
  if (!HTTP_DATE.test(value)) return undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : bounded(date - now);
}

function bounded(milliseconds: number): number {
  return Math.min(Math.max(Math.ceil(milliseconds), 0), RETRY_AFTER_MS_MAX);
}
