import type { CookieOptions, Request, Response } from 'express';
import { AppError, isLoopbackHost } from '../../common';

/** The prefix makes browsers refuse the cookie unless it is Secure, of this host alone and for every path. */
const SECURE_NAME = '__Host-keyrun';
/** Plain HTTP on this machine has no Secure cookies in every browser. */
const LOOPBACK_NAME = 'keyrun';

const SESSION_PATTERN = /^kr_ses_[\w-]{43}$/;

/** The cookie of the web UI: no script can read it, and no other site can make a browser send it. */
export class SessionCookie {
  private readonly name: string;
  private readonly attributes: CookieOptions;

  constructor(private readonly isBehindTls: boolean) {
    this.name = isBehindTls ? SECURE_NAME : LOOPBACK_NAME;
    this.attributes = { httpOnly: true, secure: isBehindTls, sameSite: 'strict', path: '/' };
  }

  /** What the cookie says; null without one, or when it cannot be ours. */
  read(request: Request): string | null {
    for (const pair of (request.headers.cookie ?? '').split(';')) {
      const [name, value = ''] = pair.trim().split('=', 2);
      if (name === this.name && SESSION_PATTERN.test(value)) return value;
    }
    return null;
  }

  /** @throws {AppError} `unprocessable` where the cookie would cross a network unencrypted. */
  refuseOpenNetwork(request: Request): void {
    if (!this.isBehindTls && !isLoopbackHost(request)) {
      throw new AppError(
        'unprocessable',
        'Signing in over plain HTTP works on this machine only. Use https and set KEYRUN_BEHIND_TLS.',
      );
    }
  }

  write(response: Response, value: string): void {
    response.cookie(this.name, value, this.attributes);
  }

  clear(response: Response): void {
    response.clearCookie(this.name, this.attributes);
  }
}

/**
 * Refuses what a page of another site could make a browser send with the cookie: it can neither add a header
 * of its own without asking first, which is never granted, nor hide where it comes from.
 * @throws {AppError} `cross_site_request`
 */
export function refuseCrossSite(request: Request, isBehindTls: boolean): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const { host, origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const ownOrigin = `${isBehindTls ? 'https' : 'http'}://${host ?? ''}`;
  const isSameOrigin = site === undefined ? origin === ownOrigin : site === 'same-origin';
  const isJson =
    request.method === 'DELETE' ||
    /^application\/json\b/i.test(request.headers['content-type'] ?? '');
  if (isSameOrigin && isJson && request.headers['x-keyrun-csrf'] === '1') return;
  throw new AppError('cross_site_request');
}
