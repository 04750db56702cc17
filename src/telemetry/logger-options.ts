import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogFn, Logger } from 'pino';
import type { Options } from 'pino-http';
import { v7 as uuidv7 } from 'uuid';
import { scrubJson } from '../common';
import type { Environment } from '../config';

type TrackedRequest = IncomingMessage & { id: string; originalUrl?: string };

/**
 * What is logged of a request: method, path, status, duration. Never headers, query or body, since those
 * carry tokens, keys and prompts. Whatever a library logs besides loses its secrets at the sink.
 */
export function loggerOptions(environment: Environment): Options {
  return {
    level: environment.logLevel,
    hooks: { logMethod: withoutNarration, streamWrite: scrubJson },
    genReqId: (_request, response) => {
      const id = uuidv7();
      response.setHeader('x-request-id', id);
      return id;
    },
    quietReqLogger: true,
    customAttributeKeys: { reqId: 'requestId' },
    customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'error' : 'info'),
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request failed',
    customProps: (_request, response) => (response as { failure?: object }).failure ?? {},
    serializers: {
      req: (request: TrackedRequest) => ({ method: request.method, path: pathOf(request.url) }),
      res: (response: ServerResponse) => ({ status: response.statusCode }),
      err: (error: Error) => ({ name: error.name }),
    },
    autoLogging: {
      ignore: (request) => (request.url ?? '').startsWith('/health/'),
    },
  };
}

/** Contexts in which Nest tells each module and route that it sets up. */
const NARRATORS = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** Leaves Nest's narration of a start out, and its report of a failed `listen`, which the start reports itself. */
function withoutNarration(this: Logger, parameters: Parameters<LogFn>, method: LogFn): void {
  const context = (parameters[0] as { context?: unknown } | undefined)?.context;
  if (typeof context === 'string' && NARRATORS.has(context)) return;
  method.apply(this, parameters);
}

function pathOf(url: string | undefined): string {
  return (url ?? '').split('?', 1)[0] ?? '';
}
