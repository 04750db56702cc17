import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { scrubJson } from '../redaction/scrub';
import { AppError } from './app-error';
import { describeFailure } from './describe-failure';
import { ERROR_CATALOGUE, type ErrorCode } from './error-catalogue';

/** An answer of RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  readonly errors?: readonly { pointer: string; message: string }[];
  readonly [extension: string]: unknown;
}

/** Turns every error into a problem document. What is not an {@link AppError} tells the client nothing. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request & { id?: string }>();
    const response = http.getResponse<Response & { failure?: object }>();
    const failure = toAppError(error);
    if (failure.code === 'internal') {
      this.logger.error({ message: 'unexpected error', ...describeFailure(error) });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // For the log line of the request.
    response.failure = { code: failure.code, executionId: failure.options.extensions?.executionId };
    if (failure.status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="keyrun"');
    const { retryAfterMs, headers = {} } = failure.options;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (retryAfterMs !== undefined) {
      response.setHeader('Retry-After', String(Math.ceil(retryAfterMs / 1_000)));
    }
    response
      .status(failure.status)
      .type('application/problem+json')
      .send(scrubJson(JSON.stringify(toProblem(failure, requestIdOf(request, response)))));
  }
}

/** A request that fails before it gets its id, e.g. because its body is no JSON, gets one here. */
function requestIdOf(request: { id?: string }, response: Response): string {
  if (request.id !== undefined) return request.id;
  const id = uuidv7();
  response.setHeader('x-request-id', id);
  return id;
}

/** The document that tells a client of a failure. */
export function toProblem(failure: AppError, requestId: string): Problem {
  return {
    type: `urn:keyrun:problem:${failure.code}`,
    title: ERROR_CATALOGUE[failure.code].title,
    status: failure.status,
    detail: failure.message,
    code: failure.code,
    requestId,
    ...(failure.options.fields && { errors: failure.options.fields }),
    ...failure.options.extensions,
  };
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  // Our own validation throws AppErrors; this is a body that cannot even be read, e.g. a broken gzip.
  400: 'malformed_json',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  503: 'not_ready',
};

/** The `type` that body-parser puts on its errors. Its messages quote the body, so they are dropped. */
const CODE_OF_BODY_FAULT: Readonly<Record<string, ErrorCode>> = {
  'entity.parse.failed': 'malformed_json',
  'entity.verify.failed': 'malformed_json',
  'encoding.unsupported': 'unsupported_media_type',
  'charset.unsupported': 'unsupported_media_type',
  'entity.too.large': 'body_too_large',
  'request.size.invalid': 'malformed_json',
  'request.aborted': 'malformed_json',
};

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDatabaseLost(error)) {
    return new AppError('not_ready', undefined, { retryAfterMs: DATABASE_RETRY_AFTER_MS });
  }
  // Nest wraps what Express and the body parser throw.
  const thrown: unknown = error instanceof HttpException ? (error.cause ?? error) : error;
  const fault = (thrown as { type?: unknown } | null)?.type;
  const bodyCode = typeof fault === 'string' ? CODE_OF_BODY_FAULT[fault] : undefined;
  if (bodyCode !== undefined) return new AppError(bodyCode);
  if (thrown instanceof URIError) return new AppError('not_found');
  if (error instanceof HttpException) {
    return new AppError(CODE_OF_STATUS[error.getStatus()] ?? 'internal');
  }
  return new AppError('internal');
}

/** How long a client should wait for the database to come back. */
const DATABASE_RETRY_AFTER_MS = 1_000;
/** PostgreSQL is shutting down, starting or full (57, 53300), the connection is lost (class 08), or the socket is. */
const LOST_CONNECTION = /^(57P0[1-4]|53300|08\w{3}|ECONNRESET|ECONNREFUSED|EPIPE)$/;

/** Whether the database could not be asked, or gave no answer; not whether it refused what it was asked. */
export function isDatabaseLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  // The driver has no code for a connection that ended while it was asked, or that it could not get in time.
  return (
    (typeof code === 'string' && LOST_CONNECTION.test(code)) ||
    /^Connection terminated|connection timeout$|^timeout exceeded when trying to connect$/.test(
      error.message,
    )
  );
}
