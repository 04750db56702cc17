import { Injectable } from '@nestjs/common';
import { ExecutionStream } from './execution-stream';

/** How long a stream can be read again after its end, in memory; after that the stored answer is read. */
const KEPT_MS = 30_000;
const KEPT_MAX = 1_000;
const KEPT_CHARACTERS_MAX = 1_000_000;

/** The streams of the executions that this server runs, or ran a moment ago. */
@Injectable()
export class ExecutionStreams {
  private readonly streams = new Map<string, ExecutionStream>();
  /** In the order of their ends. */
  private readonly ended = new Map<string, NodeJS.Timeout>();

  open(executionId: string): ExecutionStream {
    const stream = new ExecutionStream();
    this.streams.set(executionId, stream);
    return stream;
  }

  find(executionId: string): ExecutionStream | null {
    return this.streams.get(executionId) ?? null;
  }

  /** Nothing more comes; the stream is kept for a moment. */
  retire(executionId: string): void {
    const length = this.streams.get(executionId)?.length ?? 0;
    if (length > KEPT_CHARACTERS_MAX) {
      this.forget(executionId);
      return;
    }
    const timer = setTimeout(() => {
      this.forget(executionId);
    }, KEPT_MS).unref();
    this.ended.set(executionId, timer);
    const oldest = this.ended.keys().next();
    if (this.ended.size > KEPT_MAX && oldest.done !== true) this.forget(oldest.value);
  }

  private forget(executionId: string): void {
    clearTimeout(this.ended.get(executionId));
    this.ended.delete(executionId);
    this.streams.delete(executionId);
  }
}
