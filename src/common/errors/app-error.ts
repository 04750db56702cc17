import { ERROR_CATALOGUE, type ErrorCode } from './error-catalogue';

/** One invalid field of a request. */
export interface FieldError {
  /** JSON pointer into the body (RFC 6901), or `?name` for a query parameter. */
  readonly pointer: string;
  /** What is wrong and what is expected. Never contains the rejected value. */
  readonly message: string;
}

/** What a problem document says beyond code and detail. */
export interface AppErrorOptions {
  readonly fields?: readonly FieldError[];
  /** Becomes the Retry-After header, rounded up to whole seconds. */
  readonly retryAfterMs?: number;
  /** Extra members of the problem document (RFC 9457 §3.2). */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Further headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/**
 * An expected failure with a code of the catalogue. Safe to log and to send by construction: `detail`
 * is our own sentence, never a rejected value, a provider's text or a driver's message.
 */
export class AppError extends Error {
  constructor(
    readonly code: ErrorCode,
    detail: string = ERROR_CATALOGUE[code].remedy,
    readonly options: AppErrorOptions = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'AppError';
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }
}
