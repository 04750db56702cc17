import type { Response } from 'express';
import type { ExecutionDelta } from '../../ai-providers';
import { type AppError, toProblem } from '../../common';
import { presentExecution } from '../dto/present-execution';
import type { StreamEnd, StreamPosition, StreamReader } from './execution-stream';

/** Comments keep proxies from closing a connection that is silent while the model thinks. */
const HEARTBEAT_MS = 15_000;
/** A client that is behind by more is dropped: its answer goes on and can be read again. */
const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;
/** How long a client may take to read the end. */
const LAST_READ_MS = 60_000;
const POSITION = /^(\d{1,9}):(\d{1,9})$/;

export interface SseResponseOptions {
  readonly requestId: string;
  /** The client is gone before the end; also when it was dropped because it is too slow. */
  readonly onGone?: () => void;
}

/**
 * One client that reads an answer as server-sent events: `event: delta` for each piece, then exactly one
 * `event: done` with the execution or `event: error` with a problem. The id of an event says where the client stands.
 */
export class SseResponse implements StreamReader {
  private readonly heartbeat: NodeJS.Timeout;
  private isEnded = false;
  private stopReading: (() => void) | null = null;

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
      this.send(': still running\n\n');
    }, HEARTBEAT_MS);
    response.once('close', () => {
      this.gone();
    });
    // Who left before this was made will not be heard leaving.
    if (response.destroyed) this.gone();
  }

  /** False when it ended or the client is gone. */
  get isOpen(): boolean {
    return !this.isEnded && !this.response.destroyed;
  }

  /** Told once, when the connection of this answer is over. */
  onceClosed(tell: () => void): void {
    if (this.response.destroyed) tell();
    else this.response.once('close', tell);
  }

  /** What to call when this client wants no more. */
  stopsBy(stopReading: () => void): void {
    if (this.isOpen) this.stopReading = stopReading;
    else stopReading();
  }

  /** An event without a position: it cannot be resumed after. */
  tell(event: string, data: unknown): void {
    this.send(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  delta(delta: ExecutionDelta, position: StreamPosition): void {
    this.send(frame('delta', delta, position));
  }

  end(end: StreamEnd, position: StreamPosition): void {
    if (end.type === 'done') {
      this.finish(frame('done', presentExecution(end.ended.record), position));
    } else {
      this.fail(end.error, position);
    }
  }

  fail(error: AppError, position: StreamPosition): void {
    this.finish(frame('error', toProblem(error, this.options.requestId), position));
  }

  private finish(text: string): void {
    if (!this.isOpen) return;
    this.isEnded = true;
    clearInterval(this.heartbeat);
    this.response.end(text);
    // Who does not read it shall not keep it in our memory.
    const limit = setTimeout(() => this.response.destroy(), LAST_READ_MS).unref();
    this.onceClosed(() => {
      clearTimeout(limit);
    });
  }

  private send(text: string): void {
    if (!this.isOpen) return;
    this.response.write(text);
    if (this.response.writableLength > BACKLOG_BYTES_MAX) this.response.destroy();
  }

  private gone(): void {
    clearInterval(this.heartbeat);
    this.stopReading?.();
    this.stopReading = null;
    if (this.isEnded) return;
    this.isEnded = true;
    this.options.onGone?.();
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

function frame(event: string, data: unknown, { events, characters }: StreamPosition): string {
  return `id: ${events}:${characters}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
