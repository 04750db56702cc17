import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { freePort } from '../../src/database/embedded/free-port';

/** What a request is answered with: a status, or anything at all. */
export type ReceiverAnswer = number | ((response: ServerResponse) => void);

/** One request, as it came. */
export interface ReceivedEvent {
  /** The `webhook-id`. */
  readonly id: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: { type: string; timestamp: string; data: Record<string, unknown> };
  /** Status of the answer; null: there was none by itself. */
  readonly status: number | null;
}

/** A receiver of webhooks on a loopback port. Says 200 unless it was told otherwise. */
export class WebhookReceiver {
  readonly events: ReceivedEvent[] = [];
  /** Sockets that were ever opened. */
  connections = 0;
  readonly #answers: ReceiverAnswer[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(
    private server: Server,
    readonly port: number,
  ) {
    this.#serve(server);
  }

  static async start(): Promise<WebhookReceiver> {
    // One that nobody takes while the receiver is away.
    const server = createServer().listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    return new WebhookReceiver(server, (server.address() as AddressInfo).port);
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.host}/hook`;
  }

  /** The next requests, one after the other. */
  answer(...answers: ReceiverAnswer[]): void {
    this.#answers.push(...answers);
  }

  /** The events that were accepted. */
  get accepted(): ReceivedEvent[] {
    return this.events.filter(({ status }) => status !== null && status < 300);
  }

  /** Resolves when so many requests have come in all. The time limit of the test bounds the wait. */
  async untilRequests(count: number): Promise<void> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Nobody listens any more; {@link resume} comes back on the same port. */
  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async resume(): Promise<void> {
    this.server = createServer().listen(this.port, '127.0.0.1');
    this.#serve(this.server);
    await once(this.server, 'listening');
  }

  #serve(server: Server): void {
    server.on('connection', () => (this.connections += 1));
    server.on('request', (request, response) => void this.#receive(request, response));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const { headers, url: path = '' } = request;
    const answer = this.#answers.shift() ?? 200;
    this.events.push({
      id: String(headers['webhook-id']),
      path,
      headers,
      text,
      body: JSON.parse(text) as ReceivedEvent['body'],
      status: typeof answer === 'number' ? answer : null,
    });
    if (typeof answer === 'number') response.writeHead(answer).end('what the receiver says');
    else answer(response);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Verifies as a receiver would, with the official library. Throws when no signature is by this secret. */
export function verify(secret: string, { text, headers }: ReceivedEvent): unknown {
  return new Webhook(secret).verify(text, headers as Record<string, string>);
}
