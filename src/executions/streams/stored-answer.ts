import { contentUnreadable, executionFailed } from '../execution-failure';
import type { ExecutionRecord } from '../ledger/execution-record';
import type { StreamEnd, StreamEvent, StreamPosition, StreamSource } from './execution-stream';
import { slices } from './json-pieces';

/** The rest of the stored text of an execution that has ended, then its end. Pieces of tools are in the end only. */
export function storedAnswer(record: ExecutionRecord, after: StreamPosition): StreamSource {
  const events = eventsOf(record, after);
  return {
    next: () => events.next().value ?? null,
    onMore: () => () => undefined,
  };
}

/**
 * Only the characters are counted: who comes back to the server that ran it is told every piece of a tool from where it
 * stood among the events.
 */
function* eventsOf(
  record: ExecutionRecord,
  { events, characters: read }: StreamPosition,
): Generator<StreamEvent, undefined> {
  const text = record.output?.content ?? '';
  let characters = read;
  for (const piece of slices(text, read)) {
    characters += piece.length;
    yield { type: 'delta', delta: { type: 'text', text: piece }, position: { events, characters } };
  }
  const position = { events: events + 1, characters: text.length };
  yield { type: 'end', end: endOf(record), position };
}

function endOf(record: ExecutionRecord): StreamEnd {
  if (record.status !== 'completed') return { type: 'error', error: executionFailed(record) };
  return record.unreadable.includes('output')
    ? { type: 'error', error: contentUnreadable(record) }
    : { type: 'done', ended: { record, isJournaled: false } };
}
