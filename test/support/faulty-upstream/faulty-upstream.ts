import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answerFault, answerJson } from './answer';
import {
  type Behaviour,
  isPaid,
  type OkBehaviour,
  type PaidCall,
  type UpstreamRequest,
} from './behaviour';
import {
  anthropicMessage,
  chatCompletion,
  type Dialect,
  dialectOf,
  errorBody,
  modelList,
  usageOf,
  wrongKey,
} from './dialect';
import { StoredCompletions } from './stored-completions';
import { streamHealthy, StreamWire } from './stream-wire';

export interface FaultyUpstreamOptions {
  /** Keys that are accepted. Without it every key is, and none is needed. */
  readonly acceptedKeys?: ReadonlySet<string>;
}

const OK: OkBehaviour = { ok: true };

/**
 * A provider on a real socket of 127.0.0.1 that speaks OpenAI's and Anthropic's wire format and fails as
 * the script says. Its `requests` and `paidCalls` are the auditor: what was really asked and would really
 * be billed, whatever the code under test believes.
 *
 * Answers `POST /v1/chat/completions` (kept with `store: true`, and listed by `GET`), `POST /v1/messages`, `POST /v1/messages/count_tokens` and
 * `GET /v1/models`. The script is one queue for all routes; when it is empty the answer is `{ ok: true }`.
 */
export class FaultyUpstream {
  readonly requests: UpstreamRequest[] = [];
  readonly paidCalls: PaidCall[] = [];
  /** Connections accepted since the start. */
  connectionCount = 0;
  readonly #behaviours: Behaviour[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #stored = new StoredCompletions();
  readonly #events = new EventEmitter().setMaxListeners(0);

  private constructor(
    private readonly server: Server,
    private readonly options: FaultyUpstreamOptions,
  ) {
    server.on('connection', (socket) => {
      this.connectionCount += 1;
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#events.emit('change');
      });
    });
    server.on('request', (request, response) => void this.#receive(request, response));
  }

  static async start(options: FaultyUpstreamOptions = {}): Promise<FaultyUpstream> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const upstream = new FaultyUpstream(server, options);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return upstream;
  }

  /** Anthropic's SDK takes this as its base URL; OpenAI's takes {@link openAiBaseUrl}. */
  get url(): string {
    return `http://${this.host}`;
  }

  get openAiBaseUrl(): string {
    return `${this.url}/v1`;
  }

  /** `127.0.0.1:port`, as the allow-list wants it. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Appends to the queue of behaviours, one per request. */
  script(behaviours: readonly Behaviour[]): void {
    this.#behaviours.push(...behaviours);
  }

  /** Resolves when this many requests have arrived in all. */
  async untilRequests(count: number): Promise<void> {
    while (this.requests.length < count) await once(this.#events, 'change');
  }

  /** Resolves when no connection is open. */
  async untilSocketsClosed(): Promise<void> {
    while (this.#sockets.size > 0) await once(this.#events, 'change');
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #receive(message: IncomingMessage, response: ServerResponse): Promise<void> {
    let request: UpstreamRequest;
    try {
      request = await read(message);
    } catch {
      // The client went away while it sent its request.
      return;
    }
    this.requests.push(request);
    this.#answer(message, response, request);
    this.#events.emit('change');
  }

  #answer(message: IncomingMessage, response: ServerResponse, request: UpstreamRequest): void {
    const dialect = dialectOf(request);
    const key = keyOf(request);
    if (this.options.acceptedKeys !== undefined && !this.options.acceptedKeys.has(key)) {
      this.#answerAs(dialect, wrongKey(dialect, key), message, response, request);
      return;
    }
    this.#answerAs(dialect, this.#behaviours.shift() ?? OK, message, response, request);
  }

  #answerAs(
    dialect: Dialect,
    behaviour: Behaviour,
    message: IncomingMessage,
    response: ServerResponse,
    request: UpstreamRequest,
  ): void {
    if ('raw' in behaviour) {
      behaviour.raw(response, request);
      return;
    }
    const healthy = 'ok' in behaviour ? behaviour : OK;
    const body = isStoredList(request)
      ? this.#stored.list(request)
      : healthyBody(dialect, request, healthy);
    if (body === null) {
      const missing = { status: 404, message: `Unknown request URL: ${request.path}` };
      answerJson(response, 404, errorBody(dialect, missing));
      return;
    }
    if (isPaid(behaviour) && isGeneration(request)) {
      this.paidCalls.push({ request, usage: usageOf(healthy) });
      if (!('stream' in behaviour)) this.#stored.keep(request, body);
    }
    if ('stream' in behaviour) {
      void behaviour.stream(new StreamWire(dialect, request, response));
    } else if ('fault' in behaviour) {
      answerFault(message, response, behaviour, JSON.stringify(body));
    } else if ('status' in behaviour) {
      const error = behaviour.body ?? errorBody(dialect, behaviour);
      answerJson(response, behaviour.status, error, behaviour.headers);
    } else if (isStreamed(request, behaviour)) {
      void streamHealthy(new StreamWire(dialect, request, response), behaviour);
    } else {
      answerJson(response, 200, behaviour.body ?? body, behaviour.headers);
    }
  }
}

function isStoredList({ method, path }: UpstreamRequest): boolean {
  return method === 'GET' && /^\/v1\/chat\/completions(\?|$)/.test(path);
}

function isStreamed(request: UpstreamRequest, behaviour: OkBehaviour): boolean {
  return request.body?.stream === true && behaviour.whole !== true && behaviour.body === undefined;
}

async function read(message: IncomingMessage): Promise<UpstreamRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return {
    method: message.method ?? '',
    path: message.url ?? '',
    headers: message.headers,
    body: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>),
    at: performance.now(),
  };
}

function keyOf(request: UpstreamRequest): string {
  const direct = request.headers['x-api-key'];
  if (typeof direct === 'string') return direct;
  return request.headers.authorization?.replace(/^Bearer /, '') ?? '';
}

function isGeneration(request: UpstreamRequest): boolean {
  return (
    request.method === 'POST' && /^\/v1\/(chat\/completions|messages)(\?|$)/.test(request.path)
  );
}

/** The success body of a route, or null where a vendor would answer 404. */
function healthyBody(dialect: Dialect, request: UpstreamRequest, ok: OkBehaviour): unknown {
  const route = `${request.method} ${request.path.replace(/\?.*$/, '')}`;
  switch (route) {
    case 'POST /v1/chat/completions':
      return chatCompletion(request, ok);
    case 'POST /v1/messages':
      return anthropicMessage(request, ok);
    case 'POST /v1/messages/count_tokens':
      return { input_tokens: usageOf(ok).inputTokens };
    case 'GET /v1/models':
      return modelList(dialect);
    default:
      return null;
  }
}
