import type { Response } from 'express';
import { type AppError, toProblem } from '../../common';
import { EventText } from './event-text';
import type { StreamPosition, StreamSource } from './execution-stream';

/** Comments keep proxies from closing a connection that is silent while the model thinks. */
const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for so long is dropped: its answer goes on and can be read again. */
export const STALLED_MS = 30_000;
/** How long a client may take to read the end. */
const LAST_READ_MS = 60_000;
const POSITION = /^(\d{1,9}):(\d{1,9})$/;

export interface SseResponseOptions {
  readonly requestId: string;
  /** The client is gone before the end; also when it was dropped because it is too slow, or may not read on. */
  readonly onGone?: () => void;
}

/**
 * One client that reads an answer as server-sent events: `event: delta` for each piece, then exactly one
 * `event: done` with the execution or `event: error` with a problem. The id of an event says where the client stands.
 * It is written to at the pace at which it reads.
 */
export class SseResponse {
  private readonly heartbeat: NodeJS.Timeout;
  private isEnded = false;
  private stalled: NodeJS.Timeout | null = null;
  private text: EventText | null = null;
  private stopReading: (() => void) | null = null;
  private readonly onClosed: (() => void)[] = [];

  constructor(
    private readonly response: Response,
    private readonly options: SseResponseOptions,
  ) {
    response.status(200).set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    // After what is already on its way to the provider, which is what the client waits for.
    setImmediate(() => {
      if (!response.headersSent && !response.destroyed) response.flushHeaders();
    });
    response.socket?.setNoDelay(true);
    this.heartbeat = setInterval(() => {
      if (!this.isBehind) this.send(': still running\n\n');
    }, HEARTBEAT_MS);
    response.once('close', () => {
      this.gone();
      for (const tell of this.onClosed.splice(0)) tell();
    });
    // Who left before this was made will not be heard leaving.
    if (response.destroyed) this.gone();
  }

  /** False when it ended or the client is gone. */
  get isOpen(): boolean {
    return !this.isEnded && !this.response.destroyed;
  }

  /** Whether the client has still to take what was written. */
  get isBehind(): boolean {
    return this.stalled !== null;
  }

  /** Told once, when the connection of this answer is over. */
  onceClosed(tell: () => void): void {
    if (this.response.destroyed) tell();
    else this.onClosed.push(tell);
  }

  /** Tells what the source gives, up to its end. */
  read(source: StreamSource): void {
    if (!this.isOpen) return;
    this.text = new EventText(source, this.options.requestId);
    this.stopReading = source.onMore(() => {
      this.write();
    });
    this.write();
  }

  /** An event without a position: it cannot be resumed after. Not while the client {@link isBehind}. */
  tell(event: string, data: unknown): void {
    this.send(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** The last event. In the middle of another one there is no place for it: then the answer ends without. */
  fail(error: AppError): void {
    if (!this.isOpen) return;
    if (this.text?.isWithinEvent !== true) {
      this.tell('error', toProblem(error, this.options.requestId));
    }
    this.finish();
  }

  /** Ends the answer before the end of what it tells: its reader may not read on. */
  dismiss(error: AppError): void {
    if (!this.isOpen) return;
    this.fail(error);
    this.options.onGone?.();
  }

  private write(): void {
    while (this.text !== null && this.isOpen && !this.isBehind) {
      const { text, isOver } = this.text.next();
      if (text === '' && !isOver) return;
      this.send(text);
      if (isOver) this.finish();
    }
  }

  private send(text: string): void {
    if (!this.isOpen || this.response.write(text) || this.isBehind) return;
    this.stalled = setTimeout(() => this.response.destroy(), STALLED_MS).unref();
    this.response.once('drain', () => {
      this.caughtUp();
      this.write();
    });
  }

  private caughtUp(): void {
    if (this.stalled !== null) clearTimeout(this.stalled);
    this.stalled = null;
  }

  private finish(): void {
    this.isEnded = true;
    this.release();
    this.response.end();
    const limit = setTimeout(() => this.response.destroy(), LAST_READ_MS).unref();
    this.onceClosed(() => {
      clearTimeout(limit);
    });
  }

  private gone(): void {
    this.release();
    if (this.isEnded) return;
    this.isEnded = true;
    this.options.onGone?.();
  }

  private release(): void {
    clearInterval(this.heartbeat);
    this.caughtUp();
    this.stopReading?.();
    this.stopReading = null;
    this.text = null;
  }
}

/** The id under which the request is logged. */
export function requestIdOf(response: Response): string {
  const id = response.getHeader('x-request-id');
  return typeof id === 'string' ? id : '';
}

/** Reads what a client sends as `Last-Event-ID`; anything else is the beginning. */
export function parsePosition(lastEventId: string | undefined): StreamPosition {
  const [, events, characters] = POSITION.exec(lastEventId ?? '') ?? [];
  return { events: Number(events ?? 0), characters: Number(characters ?? 0) };
}
