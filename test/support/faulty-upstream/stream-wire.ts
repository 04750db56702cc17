import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ContractWire } from '../../../src/ai-providers/testing/ai-provider-contract';
import type { OkBehaviour, UpstreamRequest } from './behaviour';
import { DEFAULT_CONTENT } from './behaviour';
import { type Dialect, errorBody } from './dialect';
import { anthropicEvents, openAiEvents, type StreamEvents } from './stream-events';

/** One streamed answer on a socket, in the dialect of the request; the script says what happens when. */
export class StreamWire implements ContractWire {
  readonly #events: StreamEvents;
  #isOpen = false;
  #pieceLength = Infinity;
  #pending = Buffer.alloc(0);
  #change: (text: string) => string = (text) => text;

  constructor(
    private readonly dialect: Dialect,
    request: UpstreamRequest,
    private readonly response: ServerResponse,
  ) {
    this.#events = dialect === 'openai' ? openAiEvents(request) : anthropicEvents(request);
  }

  head(contentType = 'text/event-stream; charset=utf-8'): void {
    this.response.writeHead(200, {
      'content-type': contentType,
      'x-request-id': 'req_upstream',
      'request-id': 'req_upstream',
    });
    this.response.flushHeaders();
    this.#isOpen = true;
  }

  start(): Promise<void> {
    return this.raw(this.#events.start());
  }

  text(piece: string): Promise<void> {
    return this.raw(this.#events.text(piece));
  }

  toolCall(
    index: number,
    piece: { id?: string; name?: string; arguments?: string },
  ): Promise<void> {
    return this.raw(this.#events.toolCall(index, piece));
  }

  keepAlive(): Promise<void> {
    return this.raw(this.#events.keepAlive());
  }

  error(error: { type: string; code?: string; message?: string }): Promise<void> {
    const body = JSON.stringify(errorBody(this.dialect, { status: 500, ...error }));
    return this.raw(
      this.dialect === 'openai' ? `data: ${body}\n\n` : `event: error\ndata: ${body}\n\n`,
    );
  }

  finish(end: Pick<OkBehaviour, 'finishReason' | 'usage'> = {}): Promise<void> {
    return this.raw(this.#events.finish(end));
  }

  async raw(given: string | Uint8Array): Promise<void> {
    if (!this.#isOpen) this.head();
    const bytes = typeof given === 'string' ? this.#change(given) : given;
    if (this.#pieceLength === Infinity) {
      await this.#write(bytes);
      return;
    }
    this.#pending = Buffer.concat([this.#pending, Buffer.from(bytes)]);
    while (this.#pending.length >= this.#pieceLength) {
      const piece = this.#pending.subarray(0, this.#pieceLength);
      this.#pending = this.#pending.subarray(this.#pieceLength);
      await this.#write(piece);
    }
  }

  cutInto(length: number): void {
    this.#pieceLength = length;
  }

  rewrite(change: (text: string) => string): void {
    this.#change = change;
  }

  end(): void {
    this.response.end(this.#pending);
  }

  cut(): void {
    this.response.socket?.end();
  }

  reset(): void {
    this.response.socket?.resetAndDestroy();
  }

  async untilClosed(): Promise<void> {
    if (!this.response.closed) await once(this.response, 'close');
  }

  async #write(bytes: string | Uint8Array): Promise<void> {
    if (bytes.length === 0 || this.response.destroyed) return;
    await new Promise<void>((resolve) => {
      this.response.write(bytes, () => {
        resolve();
      });
    });
  }
}

/** A whole answer, in pieces of a few characters. */
export async function streamHealthy(wire: StreamWire, behaviour: OkBehaviour): Promise<void> {
  await wire.start();
  const { toolCalls } = behaviour;
  if (toolCalls === undefined) {
    for (const piece of piecesOf(behaviour.content ?? DEFAULT_CONTENT)) await wire.text(piece);
  }
  for (const [index, { id, name, arguments: text }] of (toolCalls ?? []).entries()) {
    await wire.toolCall(index, { id, name });
    for (const piece of piecesOf(text)) await wire.toolCall(index, { arguments: piece });
  }
  await wire.finish(behaviour);
  wire.end();
}

function piecesOf(text: string): string[] {
  return text.match(/[^]{1,5}/gu) ?? [];
}
