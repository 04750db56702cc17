import { Injectable } from '@nestjs/common';
import { AppError } from '../../common';
import type { ExecutionStream } from './execution-stream';
import { charactersOf, PIECE_CHARACTERS } from './json-pieces';
import { type SseResponse, STALLED_MS } from './sse-response';

const RETRY_AFTER_MS = 10_000;
/** Of most texts. Those in Latin script take half of it. */
const BYTES_PER_CHARACTER = 2;
/** Less than what a connection takes anyway. */
const COUNTED_FROM_BYTES = BYTES_PER_CHARACTER * PIECE_CHARACTERS;

/** What answers may cost one server while they are read. A test puts less in its place. */
@Injectable()
export class HeldAnswersLimit {
  /** Of memory, over all readers. */
  readonly bytes: number = 128 * 1024 * 1024;
  /** How long a reader of a whole answer may take nothing of it. */
  readonly stalledMs: number = STALLED_MS;
}

/**
 * The long answers that readers hold until they have read them: together they are limited, since any number of tokens
 * may read as slowly as an answer may be read. One alone always has room. What was paid for just now takes its room
 * whether or not there is any, from those who read what is stored.
 */
@Injectable()
export class HeldAnswers {
  private bytes = 0;
  private readonly readers = new Map<object, number>();

  constructor(private readonly limit: HeldAnswersLimit) {}

  /** @throws {AppError} `too_many_requests` when the others leave no room for it. */
  assertRoomFor(answer: object | null): void {
    if (answer === null || this.readers.has(answer)) return;
    const bytes = bytesOf(answer);
    if (bytes < COUNTED_FROM_BYTES) return;
    if (this.bytes === 0 || this.bytes + bytes <= this.limit.bytes) return;
    const detail = 'So many long answers are being read that there is no room for another one.';
    throw new AppError('too_many_requests', detail, { retryAfterMs: RETRY_AFTER_MS });
  }

  /**
   * Counts the answer until its reader is gone.
   * @throws {AppError} as {@link assertRoomFor}
   */
  hold(answer: object | null, reader: SseResponse): void {
    if (answer === null) return;
    this.assertRoomFor(answer);
    reader.onceClosed(this.holdPaid(answer));
  }

  /** Counts what is told in any case. @returns ends that, to be called once. */
  holdPaid(answer: object): () => void {
    return this.count(answer, bytesOf(answer));
  }

  /**
   * Counts a stream from its end on, if it is still read then: until then its execution holds it. All who read it hold
   * the same one.
   */
  holdRest(stream: ExecutionStream, reader: SseResponse): void {
    const forget = stream.onceClosed(() => {
      // Its end has the whole text once more.
      if (reader.isOpen) reader.onceClosed(this.count(stream, 2 * stream.weight));
    });
    reader.onceClosed(forget);
  }

  private count(answer: object, bytes: number): () => void {
    if (bytes < COUNTED_FROM_BYTES) return () => undefined;
    const others = this.readers.get(answer) ?? 0;
    if (others === 0) this.bytes += bytes;
    this.readers.set(answer, others + 1);
    return () => {
      this.letGo(answer, bytes);
    };
  }

  private letGo(answer: object, bytes: number): void {
    const others = (this.readers.get(answer) ?? 1) - 1;
    if (others > 0) {
      this.readers.set(answer, others);
      return;
    }
    this.readers.delete(answer);
    this.bytes -= bytes;
  }
}

function bytesOf(answer: object): number {
  return BYTES_PER_CHARACTER * charactersOf(answer);
}
