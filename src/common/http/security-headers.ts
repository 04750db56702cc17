import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

/** Half a year, in seconds. */
const HSTS_MAX_AGE = 15_552_000;

const DIRECTIVES = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
};

const LOADS_NOTHING =
  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The nonce that an inline `<style>` of this answer must carry. */
export function styleNonce(response: Response): string {
  const locals = response.locals as { styleNonce?: string };
  locals.styleNonce ??= randomBytes(16).toString('base64url');
  return locals.styleNonce;
}

/**
 * Headers of every answer, apart from what it may load: no frames, no sniffing, no referrer, nothing for other origins.
 * No CORS header is ever sent.
 * @param isBehindTls - people reach the server by https, so browsers shall never use http again.
 */
export function securityHeaders(isBehindTls: boolean): RequestHandler {
  return helmet({
    contentSecurityPolicy: false,
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: isBehindTls && { maxAge: HSTS_MAX_AGE, includeSubDomains: false },
  });
}

/** What a page of ours may load. */
export const pageHeaders: RequestHandler = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: { ...DIRECTIVES, 'style-src': ["'self'", nonceSource] },
});

/** For the page of Swagger UI only: it has inline styles, but no inline script. */
export const apiReferenceHeaders: RequestHandler = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: { ...DIRECTIVES, 'style-src': ["'self'", "'unsafe-inline'"] },
});

/** Answers of the API are for the one who asked: no cache keeps them. None is a page: it loads nothing. */
export const apiHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Security-Policy', LOADS_NOTHING);
  next();
};

function nonceSource(_request: unknown, response: ServerResponse): string {
  return `'nonce-${styleNonce(response as Response)}'`;
}
