import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { ExecutionStream } from './execution-stream';

/** How long a stream can be read again after its end, in memory; after that the stored answer is read. */
const KEPT_MS = 30_000;
const KEPT_MAX = 1_000;
/** Of one, and of all that have ended. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
const KEPT_BYTES_OF_ALL_MAX = 32 * 1024 * 1024;

interface Ended {
  readonly timer: NodeJS.Timeout;
  readonly weight: number;
}

/** The streams of the executions that this server runs, or ran a moment ago. */
@Injectable()
export class ExecutionStreams {
  private readonly streams = new Map<string, ExecutionStream>();
  /** In the order of their ends. */
  private readonly ended = new Map<string, Ended>();
  private keptBytes = 0;
  /** A timer keeps the context in which it was set: that of a request is far larger than what is kept of its stream. */
  private readonly outsideOfRequests = AsyncLocalStorage.snapshot();

  /** The stream of an execution that begins, also if it was to begin before. */
  open(executionId: string): ExecutionStream {
    this.forget(executionId);
    const stream = new ExecutionStream();
    this.streams.set(executionId, stream);
    return stream;
  }

  find(executionId: string): ExecutionStream | null {
    return this.streams.get(executionId) ?? null;
  }

  /** Nothing more comes; the stream is kept for a moment, and the oldest go when they are too many or too long. */
  retire(executionId: string): void {
    const weight = this.streams.get(executionId)?.weight ?? 0;
    if (weight > KEPT_BYTES_MAX) {
      this.streams.delete(executionId);
      return;
    }
    const forget = () => {
      this.forget(executionId);
    };
    const timer = this.outsideOfRequests(() => setTimeout(forget, KEPT_MS).unref());
    this.ended.set(executionId, { timer, weight });
    this.keptBytes += weight;
    for (const oldest of this.ended.keys()) {
      if (this.ended.size <= KEPT_MAX && this.keptBytes <= KEPT_BYTES_OF_ALL_MAX) break;
      this.forget(oldest);
    }
  }

  private forget(executionId: string): void {
    const ended = this.ended.get(executionId);
    clearTimeout(ended?.timer);
    this.keptBytes -= ended?.weight ?? 0;
    this.ended.delete(executionId);
    this.streams.delete(executionId);
  }
}
