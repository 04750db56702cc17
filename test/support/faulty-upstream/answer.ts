import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { FaultBehaviour } from './behaviour';

const JSON_TYPE = { 'content-type': 'application/json' };
const HTML_PAGE = '<!doctype html><html><body><h1>Bad gateway</h1></body></html>';

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    ...JSON_TYPE,
    'content-length': String(Buffer.byteLength(text)),
    'x-request-id': 'req_upstream',
    'request-id': 'req_upstream',
    ...headers,
  });
  response.end(text);
}

/** Does on the wire what the fault says; `text` is the answer that a healthy upstream would give. */
export function answerFault(
  request: IncomingMessage,
  response: ServerResponse,
  behaviour: FaultBehaviour,
  text: string,
): void {
  const { status, headers = {} } = behaviour;
  const half = text.slice(0, Math.floor(text.length / 2));
  const head = { ...JSON_TYPE, 'content-length': String(Buffer.byteLength(text)), ...headers };
  switch (behaviour.fault) {
    case 'html':
      response.writeHead(status ?? 200, { 'content-type': 'text/html', ...headers }).end(HTML_PAGE);
      return;
    case 'empty':
      response.writeHead(status ?? 200, { ...JSON_TYPE, 'content-length': '0', ...headers }).end();
      return;
    case 'half-json-close':
      response.writeHead(200, head).write(half, () => request.socket.end());
      return;
    case 'half-json-stall':
      response.writeHead(200, head).write(half);
      return;
    case 'never-answer':
      return;
    case 'headers-stall':
      response.writeHead(200, head).flushHeaders();
      return;
    case 'reset-before-headers':
      request.socket.resetAndDestroy();
      return;
    case 'reset-in-body':
      response.writeHead(200, head).write(half, () => request.socket.resetAndDestroy());
      return;
    case 'redirect':
      response.writeHead(status ?? 307, { location: behaviour.location ?? '/', ...headers }).end();
      return;
    case 'accept-then-close':
      request.socket.end();
      return;
    case 'slow-drip':
      response.writeHead(200, head);
      drip(response, text, behaviour.intervalMs ?? 10);
      return;
    case 'junk':
      response.writeHead(status ?? 200, { ...JSON_TYPE, ...headers });
      response.end('x'.repeat(behaviour.bytes ?? 10 * 1024 * 1024));
      return;
    case 'not-http':
      request.socket.end('220 mail.example ESMTP\r\n');
      return;
    case 'gzip':
      response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip', ...headers });
      response.end(gzipSync(text));
      return;
  }
}

function drip(response: ServerResponse, text: string, intervalMs: number): void {
  const bytes = Buffer.from(text);
  let position = 0;
  const timer = setInterval(() => {
    response.write(bytes.subarray(position, position + 1));
    position += 1;
    if (position >= bytes.length) response.end();
  }, intervalMs);
  response.on('close', () => {
    clearInterval(timer);
  });
}
