import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { RequestHandler } from 'express';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { Logger } from 'nestjs-pino';
import {
  apiHeaders,
  apiReferenceHeaders,
  AppError,
  checkHost,
  jsonBody,
  limitServer,
  LONG_BODY,
  pageHeaders,
  refuseManyHeaders,
  securityHeaders,
  SHORT_BODY,
} from './common';
import { Environment } from './config';
import { runRequest } from './database';
import { webUi } from './web-ui';
import { LeakedTokens } from './workspaces';

/** Bodies with a conversation may be long; all others are small. */
const LONG_BODY_ROUTES = ['/api/workspaces/:workspaceId/executions', '/v1'];

/** Options for `NestFactory.create`; body parsing is set up here, with a limit per route. */
export const APP_OPTIONS = { bodyParser: false, bufferLogs: true } as const;

/** Everything that turns the modules into the HTTP application. The server and the tests both use it. */
export function configureApp(app: NestExpressApplication): void {
  const environment = app.get(Environment);
  app.useLogger(app.get(Logger));
  app.flushLogs();
  limitServer(app.getHttpServer());
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', environment.trustedProxies);
  app.use(securityHeaders(environment.isBehindTls));
  app.use(['/api', '/v1'], apiHeaders);
  app.use(unlessApi(pageHeaders));
  app.use('/docs', apiReferenceHeaders);
  app.use(refuseManyHeaders);
  app.use(checkHost(environment.publicHosts));
  app.use((request: { id?: string }, _response: unknown, next: () => void) => {
    runRequest(next, () => request.id);
  });
  app.use(refuseSecretsInUrls(app.get(LeakedTokens, { strict: false })));
  app.use(webUi());
  app.use(refuseUnknownPaths);
  for (const path of LONG_BODY_ROUTES) app.use(path, ...jsonBody(LONG_BODY));
  app.use(...jsonBody(SHORT_BODY));
  setRoutePrefix(app);
  SwaggerModule.setup('docs', app, () => createOpenApiDocument(app), {
    jsonDocumentUrl: 'docs-json',
    customSiteTitle: 'Keyrun API',
  });
}

/** Where the routes of the controllers are. */
export function setRoutePrefix(app: INestApplication): void {
  app.setGlobalPrefix('api', { exclude: ['health/live', 'health/ready'] });
}

/** The OpenAPI description of our own API. */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const configuration = new DocumentBuilder()
    .setTitle('Keyrun')
    .setDescription(
      "Live AI executions on a workspace's own provider keys. Errors are application/problem+json (RFC 9457); `code` is one of docs/errors.md.",
    )
    .setVersion('0.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An access token, kr_pat_…' })
    .build();
  return SwaggerModule.createDocument(app, configuration);
}

function unlessApi(handler: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (API_PATHS.test(request.path)) next();
    else handler(request, response, next);
  };
}

/** On every route, also those that need no token or do not exist. */
function refuseSecretsInUrls(leaks: LeakedTokens): RequestHandler {
  return async (request, _response, next) => {
    await leaks.refuse(request.originalUrl);
    next();
  };
}

const API_PATHS = /^\/(api|v1)(\/|$)/i;
const KNOWN_PATHS = /^\/(api|docs|docs-json|health)(\/|$)/;

/** Outside of our own paths Express would answer in HTML. Without a UI, the bare address leads to the reference. */
const refuseUnknownPaths: RequestHandler = (request, response, next) => {
  if (request.path === '/') response.redirect('/docs');
  else next(KNOWN_PATHS.test(request.path) ? undefined : new AppError('not_found'));
};
