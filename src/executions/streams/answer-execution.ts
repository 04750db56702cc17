import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { presentExecution } from '../dto/present-execution';
import type { ExecutionRecord } from '../ledger/execution-record';
import { isLong, jsonPieces, PIECE_CHARACTERS } from './json-pieces';

/** Answers with a completed execution. A long one is written at the pace at which it is read, and its JSON never held. */
export async function answerExecution(response: Response, record: ExecutionRecord): Promise<void> {
  const body = presentExecution(record);
  response.status(201);
  if (record.output === null || !isLong(record.output)) {
    response.json(body);
    return;
  }
  // A client that left has its answer in the ledger.
  await pipeline(Readable.from(joined(jsonPieces(body))), response.type('json')).catch(
    () => undefined,
  );
}

/** The text in pieces that are worth a write. */
function* joined(pieces: Iterable<string>): Generator<string> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE_CHARACTERS) continue;
    yield text;
    text = '';
  }
  yield text;
}
