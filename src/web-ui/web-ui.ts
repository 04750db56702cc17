import { join } from 'node:path';
import type { Request, RequestHandler, Response } from 'express';
import { styleNonce } from '../common';
import { type BuiltFile, NONCE_PLACE, readBuiltUi } from './built-files';

/** Where `npm run build` puts the UI, beside the compiled server. */
const BUILT_UI = join(__dirname, '..', '..', 'web-ui');
/** The paths of its pages. Whatever else is unknown stays a problem document. */
const PAGE_PATHS = /^\/(workspaces(\/|$)|$)/;
const A_YEAR = 'public, max-age=31536000, immutable';

/**
 * Serves the web UI: the page under every path of the UI, never kept by a cache, and its files, kept for good
 * under names that say what is in them. Without a built UI it serves nothing, and the server works as ever.
 * @param directory - the built UI; default: that of `npm run build`.
 */
export function webUi(directory: string = BUILT_UI): RequestHandler {
  const ui = readBuiltUi(directory);
  if (ui === null) return passOn;
  return (request, response, next) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const file = ui.files.get(request.path);
    if (isRead && file !== undefined) sendFile(request, response, file);
    else if (isRead && PAGE_PATHS.test(request.path)) sendPage(response, ui.page);
    else next();
  };
}

const passOn: RequestHandler = (_request, _response, next) => {
  next();
};

function sendPage(response: Response, page: string): void {
  response.setHeader('Cache-Control', 'no-store');
  response.type('html').send(page.replaceAll(NONCE_PLACE, styleNonce(response)));
}

function sendFile(request: Request, response: Response, file: BuiltFile): void {
  response.setHeader('Cache-Control', file.isHashed ? A_YEAR : 'no-cache');
  response.setHeader('Content-Type', file.type);
  response.vary('Accept-Encoding');
  const encoding = request.acceptsEncodings(['br', 'gzip', 'identity']);
  const compressed = encoding === 'br' || encoding === 'gzip' ? file[encoding] : null;
  if (compressed !== null) response.setHeader('Content-Encoding', encoding as string);
  response.send(compressed ?? file.identity);
}
