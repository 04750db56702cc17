import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What becomes of one call. */
export type Plan =
  | { readonly kind: 'answer'; readonly afterMs?: number }
  /** Headers and the first piece of a stream at once, the rest when {@link DrillUpstream.release} is called. */
  | {
      readonly kind: 'hold';
      /** Of 1 KiB, after the tag. */
      readonly pieces?: number;
      /** What the rest waits for instead. */
      readonly until?: Promise<void>;
    }
  /** Refused, so not billed. */
  | { readonly kind: 'refuse'; readonly status: number; readonly headers?: Record<string, string> }
  /** As many pieces of 1 KiB as fast as the reader takes them. */
  | { readonly kind: 'flood'; readonly pieces: number }
  /** Whatever it writes. */
  | { readonly kind: 'raw'; readonly write: (response: ServerResponse) => void };

/** A call that arrived, which is when a vendor begins to charge for it. */
export interface PaidCall {
  readonly tag: string;
  readonly at: number;
}

const MODEL = 'gpt-4o-mini';
const PIECE = 'x'.repeat(1_024);

/**
 * A provider that speaks OpenAI's chat completions, and the auditor of a drill: its log says what was really asked. A
 * call is known by its prompt, which names the execution.
 */
export class DrillUpstream {
  readonly paid: PaidCall[] = [];
  /** What becomes of a call; `count` is 1 for the first of its tag. */
  plan: (tag: string, count: number) => Plan = () => ({ kind: 'answer' });
  readonly #counts = new Map<string, number>();
  #release: () => void = () => undefined;
  #released = new Promise<void>((resolve) => (this.#release = resolve));

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest;
        void this.#answer(body, response);
      });
    });
  }

  static async start(): Promise<DrillUpstream> {
    const server = createServer({ keepAliveTimeout: 5_000 });
    server.listen(0, '127.0.0.1', 4_096);
    await once(server, 'listening');
    return new DrillUpstream(server);
  }

  /** `127.0.0.1:port`, as the allow-list wants it. */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get baseUrl(): string {
    return `http://${this.host}/v1`;
  }

  /** Calls with this tag, refused ones included. */
  count(tag: string): number {
    return this.#counts.get(tag) ?? 0;
  }

  /** Lets every held call go on; those that come later are held again. */
  release(): void {
    this.#release();
    this.#released = new Promise<void>((resolve) => (this.#release = resolve));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  async #answer(body: ChatRequest, response: ServerResponse): Promise<void> {
    const tag = body.messages.at(-1)?.content ?? '';
    const count = this.count(tag) + 1;
    this.#counts.set(tag, count);
    const plan = this.plan(tag, count);
    if (plan.kind === 'refuse') {
      const error = { error: { message: 'refused', type: 'server_error', code: null } };
      response.writeHead(plan.status, { 'content-type': 'application/json', ...plan.headers });
      response.end(JSON.stringify(error));
      return;
    }
    this.paid.push({ tag, at: performance.now() });
    if (plan.kind === 'raw') {
      plan.write(response);
      return;
    }
    const wait = async () => {
      if (plan.kind === 'hold') await (plan.until ?? this.#released);
      if (plan.kind === 'answer' && plan.afterMs !== undefined) await delay(plan.afterMs);
    };
    if (body.stream !== true) {
      await wait();
      response.writeHead(200, { 'content-type': 'application/json' });
      const isLong = plan.kind === 'hold' && plan.pieces !== undefined;
      const more = isLong ? ` ${randomText(plan.pieces)}` : '';
      response.end(JSON.stringify(completion(tag, more)));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (plan.kind === 'flood') await flood(response, plan.pieces);
    response.write(piece({ role: 'assistant', content: tag.slice(0, 2) }));
    await wait();
    response.write(piece({ content: tag.slice(2) }));
    response.write(piece({}, 'stop'));
    response.write(frame({ ...chunk(), choices: [], usage: USAGE }));
    response.end('data: [DONE]\n\n');
  }
}

interface ChatRequest {
  readonly messages: readonly { readonly content: string }[];
  readonly stream?: boolean;
}

const USAGE = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 };

/** The answer of a call that is not streamed. */
export function completion(tag: string, more = '') {
  const message = { role: 'assistant', content: `${tag}${more}`, refusal: null };
  return {
    ...{ id: `chatcmpl-${tag}`, object: 'chat.completion', created: 1_790_000_000, model: MODEL },
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: USAGE,
  };
}

/** That nothing can make shorter. */
function randomText(kibibytes: number): string {
  return randomBytes(kibibytes * 768).toString('base64');
}

function chunk() {
  return {
    id: 'chatcmpl-0',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: MODEL,
  };
}

/** One event of a streamed answer. */
export function piece(delta: object, finishReason: string | null = null): string {
  return frame({ ...chunk(), choices: [{ index: 0, delta, finish_reason: finishReason }] });
}

function frame(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

async function flood(response: ServerResponse, pieces: number): Promise<void> {
  const text = piece({ content: PIECE });
  for (let sent = 0; sent < pieces && !response.destroyed; sent += 1) {
    await new Promise((resolve) => response.write(text, resolve));
  }
}
