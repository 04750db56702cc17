import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import { AppError } from '../errors/app-error';

/** Header fields of one request; node itself stops at 16 KiB of them with 431. */
const HEADERS_MAX = 100;

const LIMITS = {
  // One more than we accept: some versions of node drop what is above without a word.
  maxHeadersCount: HEADERS_MAX + 1,
  /** Milliseconds for all header lines to arrive. */
  headersTimeout: 10_000,
  /** Milliseconds for the whole request to arrive. Says nothing about how long the answer may take. */
  requestTimeout: 60_000,
  /** Longer than the idle time of the usual proxies, so that they close first and never write into a closed one. */
  keepAliveTimeout: 65_000,
  maxConnections: 10_000,
  // Node looks for late requests every 30 s by default, which would make 10 s into 40 s.
  connectionsCheckingInterval: 1_000,
};

/** Bounds what slow or greedy clients can hold. An answer under way, however long, is never cut. Before `listen`. */
export function limitServer(server: Server): void {
  Object.assign(server, LIMITS);
  dropUnusedAtClose(server);
}

/**
 * Browsers open connections in advance. Node takes one that has not asked for anything yet for a busy one, so
 * a server that closes would wait for it until the browser is gone.
 */
function dropUnusedAtClose(server: Server): void {
  const unused = new Set<Socket>();
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  const close = server.close.bind(server);
  server.close = (callback) => {
    close(callback);
    for (const socket of unused) socket.destroy();
    return server;
  };
}

/** Refuses a request with more header fields than any client of ours sends, instead of reading a part of them. */
export const refuseManyHeaders: RequestHandler = (request, _response, next) => {
  const count = request.rawHeaders.length / 2;
  next(count > HEADERS_MAX ? new AppError('headers_too_large') : undefined);
};
