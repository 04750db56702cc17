import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { AppError } from '../../common';
import type { StandingClaim } from '../../workspaces';
import { ExecutionQueries } from '../ledger/execution-queries';
import type { ExecutionRecord } from '../ledger/execution-record';
import { isTerminal } from '../ledger/execution-status';
import { ExecutionStreams } from './execution-streams';
import { BEGINNING, type ExecutionStream, type StreamPosition } from './execution-stream';
import { HeldAnswers } from './held-answers';
import { OpenReaders } from './open-readers';
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
    private readonly readers: OpenReaders,
    private readonly held: HeldAnswers,
  ) {}

  /**
   * Opens the answer to who is to {@link follow} the execution.
   * @throws {AppError} `too_many_requests`: their token has too many open, or what all readers hold leaves no room.
   */
  open(claim: StandingClaim, record: ExecutionRecord, response: Response): SseResponse {
    const output = this.streams.find(record.id) === null ? record.output : null;
    this.held.assertRoomFor(output);
    const client = this.readers.open(claim, response);
    this.held.hold(output, client);
    return client;
  }

  /** Lets a client read an execution that runs here from the beginning, as who had it run. */
  readRunning(executionId: string, client: SseResponse): void {
    const stream = this.streams.find(executionId);
    if (stream !== null) this.readFrom(stream, client, BEGINNING);
  }

  /** Resolves when the client reads by itself, has everything, or is gone. */
  follow(first: ExecutionRecord, client: SseResponse, after: StreamPosition): Promise<void> {
    // What was asked is not told, and may be longer than the answer.
    return this.toTheEnd({ ...first, request: null }, client, after);
  }

  private async toTheEnd(
    first: ExecutionRecord,
    client: SseResponse,
    after: StreamPosition,
  ): Promise<void> {
    let record = first;
    while (client.isOpen) {
      const stream = this.streams.find(record.id);
      if (stream !== null) {
        this.readFrom(stream, client, after);
        return;
      }
      if (isTerminal(record.status)) {
        this.readStored(record, client, after);
        return;
      }
      await delay(LOOK_MS);
      record = (await this.look(record, client)) ?? record;
    }
  }

  private readFrom(stream: ExecutionStream, client: SseResponse, after: StreamPosition): void {
    client.read(stream.read(after));
    this.held.holdRest(stream, client);
  }

  private readStored(record: ExecutionRecord, client: SseResponse, after: StreamPosition): void {
    try {
      this.held.hold(record.output, client);
      client.read(storedAnswer(record, after));
    } catch (error) {
      client.fail(error instanceof AppError ? error : new AppError('internal'));
    }
  }

  /** A database that is away for a moment is looked at again. */
  private async look(
    { workspaceId, id }: ExecutionRecord,
    client: SseResponse,
  ): Promise<ExecutionRecord | null> {
    try {
      return { ...(await this.queries.get(workspaceId, id)), request: null };
    } catch (error) {
      if (error instanceof AppError) client.fail(error);
      return null;
    }
  }
}
