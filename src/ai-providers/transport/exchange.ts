import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { ProviderError } from '../provider-error';
import { BodyStream } from './body-stream';
import { EventSize } from './event-size';
import { fetchResponse } from './fetch-response';
import { brokenOff, type CallPhase, timedOut, unusableAnswer } from './transport-failure';

/** How much longer, and how much more, a body is received that nobody reads. */
const LINGER_MS = 250;
const LINGER_BYTES = 64 * 1024;

export interface ExchangeLimits {
  /** Longest silence in milliseconds between two pieces of a body, ≥ 1. */
  readonly idleTimeoutMs: number;
  /** Most bytes of a body that is buffered. */
  readonly maxBodyBytes: number;
  /** Most bytes of a body that is streamed. */
  readonly maxStreamBytes: number;
  /** Most bytes of one event of a stream: the SDKs keep an event in memory until its end arrives. */
  readonly maxEventBytes: number;
}

/** Who waits for the exchange. Each exchange calls `respond` or `reject` once. */
export interface ExchangeObserver {
  /** The answer is there: complete, or as a stream. */
  respond(response: Response): void;
  /** No answer will come. */
  reject(reason: unknown): void;
  /** The transport knows why the call failed; may come after `respond`, while the body is streamed. */
  failed(error: ProviderError): void;
  /** Nothing more happens on the wire. */
  closed(): void;
}

/** One request and its answer on the wire: undici tells what happens, the observer hears what it means. */
export class Exchange implements Dispatcher.DispatchHandler {
  phase: CallPhase = 'waiting';
  #controller: Dispatcher.DispatchController | null = null;
  #stopReason: Error | null = null;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #receivedBytes = 0;
  readonly #chunks: Buffer[] = [];
  #stream: BodyStream | null = null;
  readonly #eventSize = new EventSize();
  #idleTimer: NodeJS.Timeout | null = null;
  #closed = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  #discardedBytes = 0;

  constructor(
    private readonly url: string,
    private readonly limits: ExchangeLimits,
    private readonly observer: ExchangeObserver,
  ) {}

  /** The limit of the call passed. */
  expire(): void {
    if (this.phase === 'refused') this.#deliverRefusal();
    else this.fail(timedOut(this.phase));
  }

  /** Ends the exchange for a reason that the call shall report. */
  fail(error: ProviderError): void {
    if (this.#closed) return;
    this.observer.failed(error);
    this.stop(error);
  }

  /** Ends the exchange without a verdict: whoever reads the answer wants no more of it. */
  stop(reason: Error): void {
    if (this.#closed) return;
    if (this.#stream === null) this.observer.reject(reason);
    else this.#stream.fail(reason);
    this.#close();
    this.#stopReason = reason;
    this.#controller?.abort(reason);
  }

  /**
   * The reader has all that it wants, as after a vendor's last event. The end of the body is awaited for a
   * moment, because only then the connection can be used again.
   */
  release(reason: Error): void {
    if (this.#closed || this.#stream === null) {
      this.stop(reason);
      return;
    }
    this.#stream.fail(reason);
    this.#close();
    this.#stopReason = reason;
    this.#lingerTimer = setTimeout(() => this.#controller?.abort(reason), LINGER_MS).unref();
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Stopped while it waited for a connection: nothing is written.
    if (this.#stopReason !== null) controller.abort(this.#stopReason);
    else this.phase = 'sent';
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200 || this.#closed) return;
    this.#status = status;
    this.#headers = headers;
    if (status >= 400) {
      this.phase = 'refused';
    } else if (status >= 300) {
      // A key is never carried to another place than the one it was saved for.
      this.fail(unusableAnswer(status, 'no'));
    } else if (!/^(identity)?$/i.test(headers['content-encoding'] ?? '')) {
      // Only `identity` is asked for.
      this.fail(unusableAnswer(status, 'unknown'));
    } else if (headers['content-type']?.startsWith('text/event-stream') === true) {
      this.phase = 'streaming';
      this.#openStream();
    } else {
      this.phase = 'buffering';
    }
    this.#watchSilence();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#closed) {
      this.#discard(chunk);
      return;
    }
    this.#idleTimer?.refresh();
    this.#receivedBytes += chunk.length;
    if (this.#stream !== null) {
      if (this.#isTooMuch(chunk)) this.fail(unusableAnswer(this.#status, 'partial'));
      else if (!this.#stream.push(chunk)) this.#pause(controller);
      return;
    }
    if (this.#receivedBytes <= this.limits.maxBodyBytes) this.#chunks.push(chunk);
    else if (this.phase === 'refused') this.#deliverRefusal();
    else this.fail(unusableAnswer(this.#status, 'unknown'));
  }

  onResponseEnd(): void {
    clearTimeout(this.#lingerTimer);
    if (!this.#closed) this.#handOver();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#lingerTimer);
    if (this.#closed) return;
    if (this.phase === 'refused') this.#deliverRefusal();
    else this.fail(brokenOff(this.phase, error));
  }

  /**
   * The status of a refusal says more than the end of its body, so a refusal whose body breaks off, stalls
   * or is too long is delivered with as much as there is.
   */
  #deliverRefusal(): void {
    this.#handOver();
    this.#controller?.abort(new Error('the rest of the error body is not read'));
  }

  #handOver(): void {
    if (this.#stream === null) {
      // Whoever waits for the end of the call keeps this exchange, and need not keep the body twice.
      const chunks = this.#chunks.splice(0);
      const only = chunks.length === 1 ? chunks[0] : undefined;
      this.observer.respond(fetchResponse(this.#head(), only ?? Buffer.concat(chunks)));
    } else {
      this.#stream.end();
    }
    this.#close();
  }

  #discard(chunk: Buffer): void {
    this.#discardedBytes += chunk.length;
    if (this.#discardedBytes > LINGER_BYTES) this.#controller?.abort(new Error('not read'));
  }

  #isTooMuch(chunk: Buffer): boolean {
    const { maxStreamBytes, maxEventBytes } = this.limits;
    return this.#receivedBytes > maxStreamBytes || this.#eventSize.add(chunk) > maxEventBytes;
  }

  #openStream(): void {
    this.#stream = new BodyStream({
      resume: () => {
        this.#watchSilence();
        this.#controller?.resume();
      },
      cancel: (reason) => {
        this.release(reason);
      },
    });
    this.observer.respond(fetchResponse(this.#head(), this.#stream.readable));
  }

  #head(): { url: string; status: number; headers: IncomingHttpHeaders } {
    return { url: this.url, status: this.#status, headers: this.#headers };
  }

  /** While the reader is slow the silence is ours, not the provider's. */
  #pause(controller: Dispatcher.DispatchController): void {
    controller.pause();
    this.#ignoreSilence();
  }

  #watchSilence(): void {
    if (this.#closed) return;
    this.#idleTimer ??= setTimeout(() => {
      this.#endUnlessReceived();
    }, this.limits.idleTimeoutMs);
  }

  /** This process may have been the silent one: what waits in the socket is read before the verdict. */
  #endUnlessReceived(): void {
    const received = this.#receivedBytes;
    const timer = this.#idleTimer;
    setImmediate(() => {
      if (this.#closed || this.#idleTimer !== timer || this.#receivedBytes !== received) return;
      if (this.phase === 'refused') this.#deliverRefusal();
      else this.fail(brokenOff(this.phase, null));
    });
  }

  #ignoreSilence(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }

  #close(): void {
    this.#closed = true;
    this.phase = 'done';
    this.#ignoreSilence();
    this.observer.closed();
  }
}
