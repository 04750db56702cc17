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

/** One event of an answer, and where a reader stands after it. */
export type StreamEvent = { readonly position: StreamPosition } & (
  | { readonly type: 'delta'; readonly delta: ExecutionDelta }
  | { readonly type: 'end'; readonly end: StreamEnd }
);

/** An answer that somebody reads at their own pace: nothing is kept for them meanwhile. */
export interface StreamSource {
  /** The next event; null: none yet, or the end was given. */
  next(): StreamEvent | null;
  /** @param tell - called when there is more. @returns ends that. */
  onMore(tell: () => void): () => void;
}

export const BEGINNING: StreamPosition = { events: 0, characters: 0 };

/** What a piece takes apart from its text, about. */
const PIECE_BYTES = 100;

/**
 * The pieces of one answer, from its first to its end, for any number of readers. The call of the provider fills it
 * and never waits for one of them.
 */
export class ExecutionStream {
  private readonly deltas: ExecutionDelta[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly closeListeners = new Set<() => void>();
  private bytes = 0;
  private end: StreamEnd | null = null;

  /** Bytes of memory that its pieces take, about. */
  get weight(): number {
    return this.bytes;
  }

  publish(delta: ExecutionDelta): void {
    this.deltas.push(delta);
    this.bytes += PIECE_BYTES + textOf(delta).length;
    for (const tell of this.listeners) tell();
  }

  /** Once. */
  close(end: StreamEnd): void {
    this.end = end;
    for (const tell of this.listeners) tell();
    this.listeners.clear();
    for (const tell of this.closeListeners) tell();
    this.closeListeners.clear();
  }

  /** @param tell - called after its end was told; at once if it has ended. @returns forgets it. */
  onceClosed(tell: () => void): () => void {
    if (this.end === null) this.closeListeners.add(tell);
    else tell();
    return () => this.closeListeners.delete(tell);
  }

  /** What came after the position, and what comes later. A position of the ledger knows the text only. */
  read(after: StreamPosition = BEGINNING): StreamSource {
    return {
      next: this.cursor(after),
      onMore: (tell) => {
        this.listeners.add(tell);
        return () => this.listeners.delete(tell);
      },
    };
  }

  private cursor(after: StreamPosition): () => StreamEvent | null {
    let events = 0;
    let characters = 0;
    let isOver = false;
    return () => {
      for (let delta = this.deltas[events]; delta !== undefined; delta = this.deltas[events]) {
        events += 1;
        characters += charactersOf(delta);
        const rest = events > after.events ? restOf(delta, characters - after.characters) : null;
        if (rest !== null) return { type: 'delta', delta: rest, position: { events, characters } };
      }
      if (this.end === null || isOver) return null;
      isOver = true;
      return { type: 'end', end: this.end, position: { events: events + 1, characters } };
    };
  }
}

/** The delta without the text that was read; null: all of it was. */
function restOf(delta: ExecutionDelta, unread: number): ExecutionDelta | null {
  if (delta.type !== 'text' || unread >= delta.text.length) return delta;
  return unread > 0 ? { ...delta, text: delta.text.slice(-unread) } : null;
}

function textOf(delta: ExecutionDelta): string {
  return delta.type === 'text' ? delta.text : (delta.arguments ?? '');
}

function charactersOf(delta: ExecutionDelta): number {
  return delta.type === 'text' ? delta.text.length : 0;
}
