import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { ExecutionDetailResponse, ExecutionResponse } from '../dto/execution.response';
import { HeldAnswers, HeldAnswersLimit } from './held-answers';
import { charactersOf, jsonPieces, PIECE_CHARACTERS } from './json-pieces';

type Answer = ExecutionResponse | ExecutionDetailResponse;

/**
 * Answers with whole executions. A long one is written at the pace at which it is read, and its JSON never held; who
 * takes nothing of it for too long is dropped.
 */
@Injectable()
export class WholeAnswers {
  constructor(
    private readonly held: HeldAnswers,
    private readonly limit: HeldAnswersLimit,
  ) {}

  /**
   * Tells what is stored, and can be asked for again.
   * @param headers - of this answer, not of a refusal.
   * @throws {AppError} `too_many_requests`: what all readers hold leaves no room for it.
   */
  async tellStored(
    response: Response,
    answer: Answer,
    headers: Record<string, string> = {},
  ): Promise<void> {
    this.held.assertRoomFor(answer);
    return this.tellPaid(response.set(headers), answer);
  }

  /** Tells what was done just now, which is not to be refused for want of room. */
  async tellPaid(response: Response, answer: Answer): Promise<void> {
    if (charactersOf(answer) < PIECE_CHARACTERS) {
      response.json(answer);
      return;
    }
    const letGo = this.held.holdPaid(answer);
    const stalled = setTimeout(() => response.destroy(), this.limit.stalledMs).unref();
    const pieces = joined(jsonPieces(answer), () => stalled.refresh());
    // A client that left has its answer in the ledger.
    await pipeline(Readable.from(pieces), response.type('json')).catch(() => undefined);
    clearTimeout(stalled);
    letGo();
  }
}

/** The text in pieces that are worth a write. */
function* joined(pieces: Iterable<string>, onTaken: () => void): Generator<string> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE_CHARACTERS) continue;
    yield text;
    onTaken();
    text = '';
  }
  yield text;
}
