import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppError } from '../../common';
import { executionFailed } from '../execution-failure';
import { ExecutionQueries } from '../ledger/execution-queries';
import type { ExecutionRecord } from '../ledger/execution-record';
import { isTerminal } from '../ledger/execution-status';
import { ExecutionStreams } from './execution-streams';
import type { StreamPosition } from './execution-stream';
import type { SseResponse } from './sse-response';

/** How often an execution is looked at that runs on another server or waits in the queue. */
const LOOK_MS = 500;

/** Lets a client read the answer of an execution, wherever it runs: from memory here, else from the ledger. */
@Injectable()
export class StreamFollower {
  constructor(
    private readonly streams: ExecutionStreams,
    private readonly queries: ExecutionQueries,
  ) {}

  /** Resolves when the client reads by itself, has everything, or is gone. */
  async follow(first: ExecutionRecord, client: SseResponse, after: StreamPosition): Promise<void> {
    let record = first;
    while (client.isOpen) {
      const stream = this.streams.find(record.id);
      if (stream !== null) {
        client.stopsBy(stream.read(client, after));
        return;
      }
      if (isTerminal(record.status)) {
        tellEnd(record, client, after);
        return;
      }
      await delay(LOOK_MS);
      record = (await this.look(record, client, after)) ?? record;
    }
  }

  /** A database that is away for a moment is looked at again. */
  private async look(
    { workspaceId, id }: ExecutionRecord,
    client: SseResponse,
    after: StreamPosition,
  ): Promise<ExecutionRecord | null> {
    try {
      return await this.queries.get(workspaceId, id);
    } catch (error) {
      if (error instanceof AppError) client.fail(error, after);
      return null;
    }
  }
}

/** The rest of the stored text in one piece, then the end. */
function tellEnd(record: ExecutionRecord, client: SseResponse, after: StreamPosition): void {
  const text = record.output?.content ?? '';
  const rest = text.slice(after.characters);
  const events = after.events + 1;
  if (rest !== '') client.delta({ type: 'text', text: rest }, { events, characters: text.length });
  const position = { events: events + 1, characters: text.length };
  if (record.status === 'completed') {
    client.end({ type: 'done', ended: { record, isJournaled: false } }, position);
  } else {
    client.fail(executionFailed(record), position);
  }
}
