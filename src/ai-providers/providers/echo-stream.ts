import type { CallOptions, ExecutionDelta, ExecutionOutput } from '../ai-provider.interface';
import type { ProviderError } from '../provider-error';
import { StreamedOutput } from './streamed-output';

/** A word with the space after it, so that the pieces add up to the text. */
const WORD = /\S+\s*|\s+/g;
/** More pieces than this are joined, so that waits between them stay long enough for a timer. */
const PIECES_MAX = 40;
const PIECES_BEFORE_BREAK = 3;

/** How an answer is spoken. */
export interface Speech {
  readonly answer: ExecutionOutput;
  readonly onDelta: NonNullable<CallOptions['onDelta']>;
  /** Called before each of `count` pieces; rejects when the call is over. */
  pause(count: number): Promise<void>;
  /** Thrown after a few pieces instead of the end. */
  readonly breaksOffWith: ProviderError | null;
  /** The failure with what was said until then. */
  describe(error: ProviderError, saidSoFar: ExecutionOutput): ProviderError;
}

/** Says the answer word by word. */
export async function speak(speech: Speech): Promise<void> {
  const output = new StreamedOutput(speech.onDelta, null);
  const pieces = piecesOf(speech.answer);
  const said = speech.breaksOffWith === null ? pieces : pieces.slice(0, PIECES_BEFORE_BREAK);
  try {
    for (const piece of said) {
      await speech.pause(pieces.length);
      say(piece, output);
    }
    if (speech.breaksOffWith !== null) throw speech.breaksOffWith;
  } catch (error) {
    // `pause` and the break throw nothing else.
    throw speech.describe(error as ProviderError, output.soFar());
  }
}

function piecesOf(answer: ExecutionOutput): ExecutionDelta[] {
  const words = answer.content.match(WORD) ?? [];
  const each = Math.ceil(words.length / PIECES_MAX);
  const texts = Array.from({ length: Math.ceil(words.length / Math.max(each, 1)) }, (_, index) =>
    words.slice(index * each, (index + 1) * each).join(''),
  );
  return [
    ...texts.map((text) => ({ type: 'text' as const, text })),
    ...answer.toolCalls.flatMap(({ id, name, arguments: text }, index) => [
      { type: 'tool_call' as const, index, id, name },
      { type: 'tool_call' as const, index, arguments: text },
    ]),
  ];
}

function say(piece: ExecutionDelta, output: StreamedOutput): void {
  if (piece.type === 'text') {
    output.addText(piece.text);
    return;
  }
  const index = piece.id === undefined ? piece.index : output.openToolCall();
  output.addToToolCall(index, piece);
}
