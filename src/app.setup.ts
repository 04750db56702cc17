import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { json, type RequestHandler } from 'express';
import helmet from 'helmet';
import { Logger } from 'nestjs-pino';
import { AppError } from './common';
import { runRequest } from './database';

/** Bodies with a conversation may be long; all others are small. */
const LONG_BODY_ROUTES = ['/api/workspaces/:workspaceId/executions', '/v1'];
const LONG_BODY_LIMIT = '32mb';
const BODY_LIMIT = '64kb';

/** Options for `NestFactory.create`; body parsing is set up here, with a limit per route. */
export const APP_OPTIONS = { bodyParser: false, bufferLogs: true } as const;

/** Everything that turns the modules into the HTTP application. The server and the tests both use it. */
export function configureApp(app: NestExpressApplication): void {
  app.useLogger(app.get(Logger));
  app.flushLogs();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(
    helmet({
      contentSecurityPolicy: {
        directives: {
          'script-src': ["'self'"],
          'frame-ancestors': ["'none'"],
          // A plain-HTTP loopback server has no https to upgrade to.
          'upgrade-insecure-requests': null,
        },
      },
      strictTransportSecurity: false,
    }),
  );
  app.use((_request: unknown, _response: unknown, next: () => void) => {
    runRequest(next);
  });
  app.use(requireJson);
  app.use(LONG_BODY_ROUTES, json({ limit: LONG_BODY_LIMIT }));
  app.use(json({ limit: BODY_LIMIT }));
  app.use('/api', forbidCaching);
  app.setGlobalPrefix('api', { exclude: ['health/live', 'health/ready'] });
  SwaggerModule.setup('docs', app, () => createOpenApiDocument(app), {
    jsonDocumentUrl: 'docs-json',
    customSiteTitle: 'Keyrun API',
  });
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

/** A body of another type would be read as no body at all. */
const requireJson: RequestHandler = (request, _response, next) => {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0;
  const isJson = /^application\/([\w.-]+\+)?json\b/i.test(request.headers['content-type'] ?? '');
  next(hasBody && !isJson ? new AppError('unsupported_media_type') : undefined);
};

const forbidCaching: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};
