import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { noteConfirmed, type Principal, type StandingClaim } from '../workspaces';
import { presentExecution } from './dto/present-execution';
import { contentUnreadable, executionFailed } from './execution-failure';
import type { AcceptedExecution } from './execution-intake';
import { JOURNALED } from './execution-runner';
import { ExecutionsService, type RunExecution } from './executions.service';
import { REPLAYED } from './idempotency/replays';
import type { ExecutionRecord } from './ledger/execution-record';
import type { ExecutionMode } from './ledger/execution-status';
import { RunningExecutions } from './lifecycle/running-executions';
import { answerExecution } from './streams/answer-execution';
import { BEGINNING } from './streams/execution-stream';
import { ExecutionStreams } from './streams/execution-streams';
import { OpenReaders } from './streams/open-readers';
import { StreamFollower } from './streams/stream-follower';

/** Who asked for an execution, and where the answer goes. */
export interface Asker {
  readonly principal: Principal;
  readonly request: Request;
  readonly response: Response;
}

/** Answers whoever asked for an execution: at its end, in pieces, or at once. */
@Injectable()
export class ExecutionAnswers {
  constructor(
    private readonly executions: ExecutionsService,
    private readonly running: RunningExecutions,
    private readonly streams: ExecutionStreams,
    private readonly follower: StreamFollower,
    private readonly readers: OpenReaders,
  ) {}

  /**
   * Runs it and answers with its end, or with each piece of it.
   * @throws {AppError} what is to be answered instead, while nothing was answered yet.
   */
  async run(input: RunExecution, { principal, request, response }: Asker): Promise<void> {
    const begun = await this.executions.begin(input);
    noteConfirmed(request);
    if (begun.kind === 'replay') {
      await this.replay(begun.record, input.mode, { principal, response });
      return;
    }
    const onGone = () => {
      if (begun.onDisconnect === 'cancel') this.running.cancel(input.id);
    };
    if (request.socket.destroyed) onGone();
    locate(response, input);
    if (input.mode === 'stream') {
      const client = this.readers.answer(claimTo(principal, input), response, onGone);
      const stream = this.streams.find(input.id);
      if (stream !== null) client.read(stream.read());
      return;
    }
    response.once('close', () => {
      if (!response.writableFinished) onGone();
    });
    const { record, isJournaled } = await begun.ended;
    if (isJournaled) response.set(JOURNALED);
    await answerExecution(response, record);
  }

  /** Answers as the first request with the key was answered, or as its execution is now. */
  async again(
    record: ExecutionRecord,
    mode: ExecutionMode,
    { principal, response }: Omit<Asker, 'request'>,
  ): Promise<void> {
    if (mode === 'async') this.accepted({ record, isReplay: true }, response);
    else await this.replay(record, mode, { principal, response });
  }

  /** Answers 202 with the execution as it is now. */
  accepted({ record, isReplay }: AcceptedExecution, response: Response): void {
    locate(response, record);
    if (isReplay) response.set(REPLAYED);
    response.set('Preference-Applied', 'respond-async');
    response.status(202).json(presentExecution(record));
  }

  /**
   * The same answer again, also when it is a failure.
   * @throws {AppError} `too_many_requests` when it is a stream, as {@link StreamFollower.open}.
   */
  private async replay(
    record: ExecutionRecord,
    mode: 'sync' | 'stream',
    { principal, response }: Omit<Asker, 'request'>,
  ): Promise<void> {
    if (mode === 'stream') {
      const client = this.follower.open(claimTo(principal, record), record, response);
      locate(response, record);
      response.set(REPLAYED);
      await this.follower.follow(record, client, BEGINNING);
      return;
    }
    locate(response, record);
    if (record.status !== 'completed') throw executionFailed(record, { headers: REPLAYED });
    if (record.unreadable.includes('output'))
      throw contentUnreadable(record, { headers: REPLAYED });
    await answerExecution(response.set(REPLAYED), record);
  }
}

function claimTo(principal: Principal, { agentId }: { agentId: string }): StandingClaim {
  return { principal, permission: 'executions:run', agentId };
}

function locate(response: Response, { workspaceId, id }: { workspaceId: string; id: string }) {
  response.location(`/api/workspaces/${workspaceId}/executions/${id}`);
}
