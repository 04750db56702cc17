import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export type KeyServiceBehaviour =
  | 'normal'
  | 'denied'
  | 'throttled'
  | 'key_disabled'
  | 'failing'
  /** An error that the client has no name for. */
  | 'odd'
  /** Takes the request and never answers. */
  | 'silent'
  /** Closes the connection without an answer. */
  | 'broken'
  /** 200 with something that is not JSON. */
  | 'garbage'
  /** 200 with JSON that lacks what was asked for. */
  | 'empty';

export type KeyServiceFaultKind = 'denied' | 'throttled' | 'key_disabled' | 'failing' | 'odd';

export interface KeyServiceAnswer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body: string;
}

/** A key service on a loopback port. What it speaks is the subclass's. */
export abstract class LoopbackKeyService {
  behaviour: KeyServiceBehaviour = 'normal';
  /** Behaviours of the next requests, before {@link behaviour} holds again. */
  readonly next: KeyServiceBehaviour[] = [];
  calls = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** The true answer. */
  protected abstract answer(request: IncomingMessage, body: unknown): KeyServiceAnswer;

  /** The answer of the real service to the fault. */
  protected abstract fault(kind: KeyServiceFaultKind): KeyServiceAnswer;

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.calls += 1;
    const behaviour = this.next.shift() ?? this.behaviour;
    const body = await readJson(request);
    if (behaviour === 'silent') return;
    if (behaviour === 'broken') {
      request.socket.destroy();
      return;
    }
    const { status, headers, body: text } = this.#answerAs(behaviour, request, body);
    response.writeHead(status, headers).end(text);
  }

  #answerAs(
    behaviour: Exclude<KeyServiceBehaviour, 'silent' | 'broken'>,
    request: IncomingMessage,
    body: unknown,
  ): KeyServiceAnswer {
    if (behaviour === 'normal') return this.answer(request, body);
    if (behaviour === 'garbage') return { status: 200, body: '<html>Sign in to the guest WLAN' };
    if (behaviour === 'empty') return { status: 200, body: '{}' };
    return this.fault(behaviour);
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
