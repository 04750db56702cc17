import { type ArgumentsHost, BadRequestException, HttpException, Logger } from '@nestjs/common';
import { Secret } from '../secret/secret';
import { AppError } from './app-error';
import { ERROR_CATALOGUE, type ErrorCode } from './error-catalogue';
import { type Problem, ProblemFilter } from './problem.filter';

const SECRET_TEXT = 'sk-test-in-a-message-4711';

/** What the filter does to a response, written down. */
class ResponseRecord {
  readonly headers: Record<string, string> = {};
  statusCode = 0;
  body = '';
  destroyed = false;

  constructor(readonly headersSent = false) {}

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  status(code: number): this {
    this.statusCode = code;
    return this;
  }

  type(text: string): this {
    this.headers['content-type'] = text;
    return this;
  }

  send(text: string): void {
    this.body = text;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

describe('ProblemFilter', () => {
  let logged: jest.SpyInstance;

  beforeEach(() => {
    logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
  });

  afterEach(() => {
    logged.mockRestore();
  });

  const filter = (
    error: unknown,
    response = new ResponseRecord(),
    id: string | undefined = 'req-1',
  ) => {
    const host = {
      switchToHttp: () => ({ getRequest: () => ({ id }), getResponse: () => response }),
    } as unknown as ArgumentsHost;
    new ProblemFilter().catch(error, host);
    return response;
  };
  const problemOf = (error: unknown) => JSON.parse(filter(error).body) as Problem;

  it.each(Object.keys(ERROR_CATALOGUE) as ErrorCode[])(
    'answers %s as the catalogue says',
    (code) => {
      const response = filter(new AppError(code));
      const { status, title, remedy } = ERROR_CATALOGUE[code];
      expect(response.statusCode).toBe(status);
      expect(response.headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(response.body)).toEqual({
        type: `urn:keyrun:problem:${code}`,
        title,
        status,
        detail: remedy,
        code,
        requestId: 'req-1',
      });
      expect(response.headers['WWW-Authenticate']).toBe(
        status === 401 ? 'Bearer realm="keyrun"' : undefined,
      );
    },
  );

  it('rounds Retry-After up to whole seconds', () => {
    for (const [retryAfterMs, seconds] of [
      [0, '0'],
      [1, '1'],
      [1_000, '1'],
      [1_001, '2'],
    ] as const) {
      const { headers } = filter(new AppError('rate_limited', undefined, { retryAfterMs }));
      expect(headers['Retry-After']).toBe(seconds);
    }
  });

  it('carries fields and extensions', () => {
    const fields = [{ pointer: '/a', message: 'is bad' }];
    const error = new AppError('validation_failed', 'No.', { fields, extensions: { more: 1 } });
    expect(problemOf(error)).toMatchObject({ detail: 'No.', errors: fields, more: 1 });
  });

  it.each([
    new Error(SECRET_TEXT),
    Object.assign(new Error(SECRET_TEXT), { code: '23505', detail: SECRET_TEXT }),
    Object.assign(new Error(SECRET_TEXT), { status: 400 }),
    new HttpException({ message: SECRET_TEXT }, 418),
    SECRET_TEXT,
    { message: SECRET_TEXT },
    null,
    undefined,
    7,
  ])('tells nothing of what was not expected, neither in the answer nor in the log', (error) => {
    const response = filter(error);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'internal', status: 500 });
    expect(response.body).not.toContain(SECRET_TEXT);
    expect(logged).toHaveBeenCalledTimes(1);
    expect(JSON.stringify(logged.mock.calls)).not.toContain(SECRET_TEXT);
  });

  it('removes a secret from an answer, should one have got into it', () => {
    const key = new Secret('gateway-key-"4711').expose();
    const error = new AppError('validation_failed', `No: ${key}`, {
      fields: [{ pointer: '/a', message: `is ${key}` }],
      extensions: { more: [key, SECRET_TEXT] },
    });
    const response = filter(error);
    expect(response.body).not.toContain('4711');
    expect(JSON.parse(response.body)).toMatchObject({
      detail: 'No: [scrubbed]',
      errors: [{ pointer: '/a', message: 'is [scrubbed]' }],
      more: ['[scrubbed]', '[scrubbed]'],
    });
  });

  it('logs no line of a message that looks like a place in the code', () => {
    filter(new Error(`x\n    at ${SECRET_TEXT} (a.js:1:1)\n    at words of a prompt (a.js:1:1)`));
    expect(JSON.stringify(logged.mock.calls)).not.toMatch(/prompt|a\.js/);
    expect(JSON.stringify(logged.mock.calls)).toContain('problem.filter.spec.ts');
  });

  it('does not log what was expected', () => {
    filter(new AppError('not_found'));
    expect(logged).not.toHaveBeenCalled();
  });

  it.each([
    ['entity.parse.failed', 400, 'malformed_json'],
    ['entity.too.large', 413, 'body_too_large'],
    ['charset.unsupported', 415, 'unsupported_media_type'],
    ['encoding.unsupported', 415, 'unsupported_media_type'],
    ['request.aborted', 400, 'malformed_json'],
  ])('knows the fault %s of the body parser, bare or wrapped by Nest', (type, status, code) => {
    const fault = Object.assign(new SyntaxError(SECRET_TEXT), { type, status });
    const wrapped = new HttpException(SECRET_TEXT, status, { cause: fault });
    for (const error of [fault, wrapped]) {
      expect(problemOf(error)).toMatchObject({ code });
      expect(JSON.stringify(problemOf(error))).not.toContain(SECRET_TEXT);
    }
  });

  it.each([
    ['refuses connections', { code: 'ECONNREFUSED' }],
    ['breaks them', { message: 'Connection terminated unexpectedly' }],
    ['shuts down', { code: '57P01' }],
    ['has no connection left', { code: '53300' }],
    [
      'keeps all connections of this server busy',
      { message: 'timeout exceeded when trying to connect' },
    ],
  ])('says when to come back while the database %s', (_what, fields) => {
    const response = filter(Object.assign(new Error('of the driver'), fields));
    expect([response.statusCode, response.headers['Retry-After']]).toEqual([503, '1']);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'not_ready' });
    expect(logged).not.toHaveBeenCalled();
  });

  it('takes a path that cannot be decoded for one that leads nowhere', () => {
    const fault = new URIError('x');
    expect(problemOf(fault).code).toBe('not_found');
    expect(problemOf(new BadRequestException('x', { cause: fault })).code).toBe('not_found');
  });

  it('makes an id for a request that has none yet, and sends it in the header too', () => {
    const response = new ResponseRecord();
    const host = {
      switchToHttp: () => ({ getRequest: () => ({}), getResponse: () => response }),
    } as unknown as ArgumentsHost;
    new ProblemFilter().catch(new AppError('malformed_json'), host);
    const { requestId } = JSON.parse(response.body) as Problem;
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers['x-request-id']).toBe(requestId);
  });

  it('cuts an answer that has begun: the client must not take it for whole', () => {
    const response = filter(new Error('x'), new ResponseRecord(true));
    expect([response.destroyed, response.body]).toEqual([true, '']);
  });
});
