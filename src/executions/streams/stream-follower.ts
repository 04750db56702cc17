import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppError } from '../../common';
import { ExecutionQueries } from '../ledger/execution-queries';
import type { ExecutionRecord } from '../ledger/execution-record';
import { isTerminal } from '../ledger/execution-status';
import { ExecutionStreams } from './execution-streams';
import type { StreamPosition } from './execution-stream';
import type { SseResponse } from './sse-response';
import { storedAnswer } from './stored-answer';

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
        client.read(stream.read(after));
        return;
      }
      if (isTerminal(record.status)) {
        client.read(storedAnswer(record, after));
        return;
      }
      await delay(LOOK_MS);
      record = (await this.look(record, client)) ?? record;
    }
  }

  /** A database that is away for a moment is looked at again. */
  private async look(
    { workspaceId, id }: ExecutionRecord,
    client: SseResponse,
  ): Promise<ExecutionRecord | null> {
    try {
      return await this.queries.get(workspaceId, id);
    } catch (error) {
      if (error instanceof AppError) client.fail(error);
      return null;
    }
  }
}
