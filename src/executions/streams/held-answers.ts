import { Injectable } from '@nestjs/common';
import type { ExecutionOutput } from '../../ai-providers';
import { AppError } from '../../common';
import type { SseResponse } from './sse-response';

const RETRY_AFTER_MS = 10_000;
/** Of most texts. Those in Latin script take half of it. */
const BYTES_PER_CHARACTER = 2;

/** How many bytes of memory stored answers may take on one server while they are read. A test puts fewer in its place. */
@Injectable()
export class HeldAnswersLimit {
  readonly bytes: number = 128 * 1024 * 1024;
}

/**
 * The stored answers that readers hold, each one of its own until it has read it: together they are limited, since any
 * number of tokens may read as slowly as a stream may be read. One alone always has room.
 */
@Injectable()
export class HeldAnswers {
  private bytes = 0;
  private readonly holders = new Set<SseResponse>();

  constructor(private readonly limit: HeldAnswersLimit) {}

  /** @throws {AppError} `too_many_requests` when the others leave no room for it. */
  assertRoomFor(output: ExecutionOutput | null): void {
    if (this.bytes === 0 || this.bytes + bytesOf(output) <= this.limit.bytes) return;
    const detail = 'So many long answers are being read that there is no room for another one.';
    throw new AppError('too_many_requests', detail, { retryAfterMs: RETRY_AFTER_MS });
  }

  /**
   * Counts the answer until its reader is gone, once.
   * @throws {AppError} as {@link assertRoomFor}
   */
  hold(output: ExecutionOutput | null, client: SseResponse): void {
    if (output === null || this.holders.has(client)) return;
    this.assertRoomFor(output);
    const bytes = bytesOf(output);
    this.bytes += bytes;
    this.holders.add(client);
    client.onceClosed(() => {
      this.bytes -= bytes;
      this.holders.delete(client);
    });
  }
}

function bytesOf(output: ExecutionOutput | null): number {
  const calls = output?.toolCalls.reduce((sum, call) => sum + call.arguments.length, 0) ?? 0;
  return BYTES_PER_CHARACTER * ((output?.content.length ?? 0) + calls);
}
