import type { ExecutionDelta } from '../../ai-providers';
import type { AppError } from '../../common';
import type { EndedExecution } from '../execution-tracker';

/** What a stream ends with: the completed execution, or why there is none. */
export type StreamEnd =
  | { readonly type: 'done'; readonly ended: EndedExecution }
  | { readonly type: 'error'; readonly error: AppError };

/** Where a reader stands: how many events it has seen, and how many characters of the answer. */
export interface StreamPosition {
  readonly events: number;
  readonly characters: number;
}

/** Who reads a stream. */
export interface StreamReader {
  /** @param position - after this piece. */
  delta(delta: ExecutionDelta, position: StreamPosition): void;
  end(end: StreamEnd, position: StreamPosition): void;
}

/** What a piece takes apart from its text, about. */
const PIECE_BYTES = 100;

/**
 * The pieces of one answer, from its first to its end, for any number of readers. The call of the provider fills it
 * and never waits for one of them.
 */
export class ExecutionStream {
  private readonly deltas: ExecutionDelta[] = [];
  private readonly readers = new Set<StreamReader>();
  private characters = 0;
  private bytes = 0;
  private end: StreamEnd | null = null;

  /** Bytes of memory that its pieces take, about. */
  get weight(): number {
    return this.bytes;
  }

  publish(delta: ExecutionDelta): void {
    this.deltas.push(delta);
    this.characters += charactersOf(delta);
    this.bytes += PIECE_BYTES + textOf(delta).length;
    const position = { events: this.deltas.length, characters: this.characters };
    for (const reader of this.readers) reader.delta(delta, position);
  }

  /** Once. */
  close(end: StreamEnd): void {
    this.end = end;
    const position = { events: this.deltas.length + 1, characters: this.characters };
    for (const reader of this.readers) reader.end(end, position);
    this.readers.clear();
  }

  /**
   * Tells the reader what came after the position, now, and what comes later.
   * @returns ends the reading.
   */
  read(reader: StreamReader, after: StreamPosition = { events: 0, characters: 0 }): () => void {
    let characters = 0;
    for (const [index, delta] of this.deltas.entries()) {
      characters += charactersOf(delta);
      const events = index + 1;
      if (events > after.events) reader.delta(delta, { events, characters });
    }
    if (this.end === null) this.readers.add(reader);
    else reader.end(this.end, { events: this.deltas.length + 1, characters });
    return () => this.readers.delete(reader);
  }
}

function textOf(delta: ExecutionDelta): string {
  return delta.type === 'text' ? delta.text : (delta.arguments ?? '');
}

function charactersOf(delta: ExecutionDelta): number {
  return delta.type === 'text' ? delta.text.length : 0;
}
