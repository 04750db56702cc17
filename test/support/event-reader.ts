import type request from 'supertest';
import type { TestApp } from './test-app';

/** JSON, as supertest gives bodies. */
type EventData = request.Response['body'];

/** One server-sent event; `data` is its JSON. */
export interface ReadEvent {
  readonly id: string;
  readonly event: string;
  readonly data: EventData;
}

export interface EventRequest {
  readonly method?: 'GET' | 'POST';
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null: none, e.g. with a cookie. */
  readonly token?: string | null;
}

/** A client of a stream of events, on the wire: it reads when the test asks it to, and may hang up. */
export class EventReader {
  private buffered = '';

  private constructor(
    readonly response: Response,
    private readonly body: ReadableStreamDefaultReader<string>,
    private readonly controller: AbortController,
  ) {}

  /** Resolves with the head of the answer. */
  static async open(app: TestApp, path: string, request: EventRequest = {}): Promise<EventReader> {
    const controller = new AbortController();
    const response = await fetch(`${app.url}${path}`, {
      method: request.method ?? (request.body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(request.token !== null && {
          authorization: `Bearer ${request.token ?? app.ownerToken}`,
        }),
        'content-type': 'application/json',
        ...request.headers,
      },
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
      signal: controller.signal,
    });
    const text = response.body!.pipeThrough(new TextDecoderStream());
    return new EventReader(response, text.getReader(), controller);
  }

  get header(): Headers {
    return this.response.headers;
  }

  /** The next event; null: the stream has ended. */
  async next(): Promise<ReadEvent | null> {
    for (;;) {
      const end = this.buffered.indexOf('\n\n');
      if (end !== -1) {
        const frame = this.buffered.slice(0, end);
        this.buffered = this.buffered.slice(end + 2);
        if (!frame.startsWith(':')) return parse(frame);
        continue;
      }
      const text = await this.upToAnEnd();
      if (text === null) return null;
      this.buffered += text;
    }
  }

  /** What comes until there is the end of an event in it: a long one is not searched at every piece. */
  private async upToAnEnd(): Promise<string | null> {
    const pieces = [this.buffered.at(-1) ?? ''];
    for (;;) {
      const { done, value } = await this.body.read();
      if (done) return null;
      const isEnd = `${pieces.at(-1)!.slice(-1)}${value}`.includes('\n\n');
      pieces.push(value);
      if (isEnd) return pieces.slice(1).join('');
    }
  }

  /** Every event up to the end. */
  async rest(): Promise<ReadEvent[]> {
    const events: ReadEvent[] = [];
    for (let event = await this.next(); event !== null; event = await this.next()) {
      events.push(event);
    }
    return events;
  }

  hangUp(): void {
    this.controller.abort();
  }
}

/** The text of the deltas. */
export function textOf(events: readonly ReadEvent[]): string {
  return events
    .filter(({ event }) => event === 'delta')
    .map(({ data }) => (data.type === 'text' ? (data.text as string) : ''))
    .join('');
}

function parse(frame: string): ReadEvent {
  const fields = new Map(
    frame.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    }),
  );
  return {
    id: fields.get('id') ?? '',
    event: fields.get('event') ?? '',
    data: JSON.parse(fields.get('data') ?? 'null'),
  };
}
