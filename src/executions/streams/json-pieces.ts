import type { ExecutionOutput } from '../../ai-providers';

/** Characters of a long text that are turned into JSON at once. */
export const PIECE_CHARACTERS = 64 * 1024;
const LONG_CHARACTERS = 512 * 1024;

/** Whether the JSON of an output is better made in pieces: whole, it takes three times its length for a moment. */
export function isLong({ content, toolCalls }: ExecutionOutput): boolean {
  const characters = toolCalls.reduce((sum, call) => sum + call.arguments.length, content.length);
  return characters >= LONG_CHARACTERS;
}

/** The characters of all texts in plain data. */
export function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + charactersOf(member), 0);
}

/**
 * The same JSON as of JSON.stringify, in pieces, so that who waits to be told a long answer does not hold it a second
 * time. For plain data: objects, arrays, strings, finite numbers, booleans, null.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  if (typeof value === 'string') yield* textPieces(value);
  else if (Array.isArray(value)) yield* joined('[]', value, (member) => jsonPieces(member ?? null));
  else if (typeof value !== 'object' || value === null) yield JSON.stringify(value);
  else {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    yield* joined('{}', entries, memberPieces);
  }
}

function* memberPieces([name, member]: [string, unknown]): Generator<string> {
  yield `${JSON.stringify(name)}:`;
  yield* jsonPieces(member);
}

function* joined<Member>(
  [open = '', close = '']: string,
  members: readonly Member[],
  piecesOf: (member: Member) => Generator<string>,
): Generator<string> {
  yield open;
  for (const [index, member] of members.entries()) {
    if (index > 0) yield ',';
    yield* piecesOf(member);
  }
  yield close;
}

function* textPieces(text: string): Generator<string> {
  if (text.length <= PIECE_CHARACTERS) {
    yield JSON.stringify(text);
    return;
  }
  yield '"';
  for (const piece of slices(text)) yield JSON.stringify(piece).slice(1, -1);
  yield '"';
}

/** The text from the offset on, in pieces that part no pair of surrogates. */
export function* slices(text: string, offset = 0): Generator<string> {
  for (let start = offset; start < text.length;) {
    let end = start + PIECE_CHARACTERS;
    if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end += 1;
    yield text.slice(start, end);
    start = end;
  }
}
