import { toProblem } from '../../common';
import { presentExecution } from '../dto/present-execution';
import type { StreamEvent, StreamPosition, StreamSource } from './execution-stream';
import { jsonPieces, PIECE_CHARACTERS } from './json-pieces';

/** What is given at once, about: it bounds what a client costs that does not read. */
const GIVEN_CHARACTERS = 2 * PIECE_CHARACTERS;

/** The text of server-sent events, as far as there are any, in pieces of bounded length. */
export class EventText {
  /** What is left of the event that was begun. */
  private pieces: Iterator<string> | null = null;
  private isLast = false;

  constructor(
    private readonly source: StreamSource,
    private readonly requestId: string,
  ) {}

  /** Whether the text so far ends in the middle of an event. */
  get isWithinEvent(): boolean {
    return this.pieces !== null;
  }

  /** The next piece, empty if there is none yet, and whether it is the last one. */
  next(): { readonly text: string; readonly isOver: boolean } {
    let text = '';
    while (text.length < GIVEN_CHARACTERS) {
      this.pieces ??= this.nextPieces();
      if (this.pieces === null) break;
      const piece = this.pieces.next();
      if (piece.done !== true) {
        text += piece.value;
        continue;
      }
      this.pieces = null;
      if (this.isLast) return { text, isOver: true };
    }
    return { text, isOver: false };
  }

  private nextPieces(): Iterator<string> | null {
    const event = this.source.next();
    if (event === null) return null;
    this.isLast = event.type === 'end';
    return piecesOf(event, this.requestId);
  }
}

function piecesOf(event: StreamEvent, requestId: string): Iterator<string> {
  const { position } = event;
  if (event.type === 'delta') return frame('delta', event.delta, position);
  const { end } = event;
  return end.type === 'done'
    ? frame('done', presentExecution(end.ended.record), position)
    : frame('error', toProblem(end.error, requestId), position);
}

function* frame(
  event: string,
  data: unknown,
  { events, characters }: StreamPosition,
): Generator<string, undefined> {
  yield `id: ${events}:${characters}\nevent: ${event}\ndata: `;
  yield* jsonPieces(data);
  yield '\n\n';
}
