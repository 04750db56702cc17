import type { IncomingHttpHeaders } from 'node:http';

/**
 * Read-only headers with the reading half of the `Headers` interface. The standard class costs more CPU
 * than the whole exchange (research: performance.md); both SDKs only read.
 */
class ReadOnlyHeaders {
  constructor(private readonly fields: IncomingHttpHeaders) {}

  get(name: string): string | null {
    const value = this.fields[name.toLowerCase()];
    if (value === undefined) return null;
    return typeof value === 'string' ? value : value.join(', ');
  }

  has(name: string): boolean {
    return this.fields[name.toLowerCase()] !== undefined;
  }

  getSetCookie(): string[] {
    return this.fields['set-cookie'] ?? [];
  }

  *entries(): IterableIterator<[string, string]> {
    for (const name of this.keys()) yield [name, this.get(name) ?? ''];
  }

  keys(): IterableIterator<string> {
    return Object.keys(this.fields).values();
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.entries()) visit(value, name);
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}

interface ResponseHead {
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** The part of `Response` that the official SDKs use. The body is a buffer (read at once) or a stream. */
class FetchResponse {
  readonly type = 'basic';
  readonly redirected = false;
  readonly statusText = '';
  readonly headers: ReadOnlyHeaders;
  readonly status: number;
  readonly url: string;
  bodyUsed = false;
  #content: Buffer | ReadableStream<Uint8Array> | null;

  constructor(head: ResponseHead, content: Buffer | ReadableStream<Uint8Array>) {
    this.#content = content;
    this.headers = new ReadOnlyHeaders(head.headers);
    this.status = head.status;
    this.url = head.url;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** Null when the body was buffered: `text()` and `json()` then cost no stream. */
  get body(): ReadableStream<Uint8Array> | null {
    return Buffer.isBuffer(this.#content) ? null : this.#content;
  }

  async text(): Promise<string> {
    return decode(await this.#bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return Uint8Array.from(await this.#bytes()).buffer;
  }

  async #bytes(): Promise<Buffer> {
    if (this.bodyUsed) throw new TypeError('Body is unusable: Body has already been read');
    this.bodyUsed = true;
    const content = this.#content ?? Buffer.alloc(0);
    if (!Buffer.isBuffer(content)) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      return Buffer.concat(chunks);
    }
    // The SDK holds this response while it parses the text.
    this.#content = null;
    return content;
  }
}

/** A `Response` for the SDKs: everything that they read, and nothing else. */
export function fetchResponse(
  head: ResponseHead,
  content: Buffer | ReadableStream<Uint8Array>,
): Response {
  return new FetchResponse(head, content) as unknown as Response;
}

/** UTF-8, without the byte order mark that `JSON.parse` would refuse. */
function decode(bytes: Buffer): string {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString('utf8', marked ? 3 : 0);
}
