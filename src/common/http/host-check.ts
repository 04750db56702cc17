import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../errors/app-error';

/** Names of this machine that no foreign page can make a browser send: they do not resolve to elsewhere. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Refuses a request whose `Host` is none of ours with 421. A page of `evil.example` that lets its name resolve
 * to this server (DNS rebinding) has that name in `Host` and gets nothing, on no route.
 *
 * Ours are the loopback names and the very address that the connection arrived at, with any port, and the
 * public hosts.
 * @param publicHosts - `name` for any port or `name:port`, lower case.
 */
export function checkHost(publicHosts: readonly string[]): RequestHandler {
  const known = new Set(publicHosts);
  return (request, _response, next) => {
    const isOurs = namedHosts(request).every((host) => {
      const name = nameOf(host);
      return (
        LOOPBACK_NAMES.has(name) ||
        known.has(host) ||
        known.has(name) ||
        (name !== '' && name === addressOf(request.socket.localAddress))
      );
    });
    next(isOurs ? undefined : new AppError('misdirected_request'));
  };
}

/** Whether the request was made to this machine under a loopback name. */
export function isLoopbackHost(request: IncomingMessage): boolean {
  return namedHosts(request).every((host) => LOOPBACK_NAMES.has(nameOf(host)));
}

/** What the request says it is for: its `Host`, and the authority of a target in absolute form. */
function namedHosts(request: IncomingMessage): readonly string[] {
  const hosts = request.headersDistinct.host ?? [];
  const target = request.url ?? '';
  const authority = target.startsWith('/') ? [] : [/^https?:\/\/([^/?#]*)/i.exec(target)?.[1]];
  const [host = ''] = hosts.length === 1 ? hosts : [];
  return [host, ...authority].map((name) => (name ?? '').toLowerCase());
}

function nameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, '');
}

/** The address as a `Host` header writes it. */
function addressOf(address: string | undefined): string {
  const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]` : plain;
}
