import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { noteConfirmed, type Principal, type StandingClaim } from '../workspaces';
import { presentDetail, presentExecution } from './dto/present-execution';
import { contentUnreadable, executionFailed } from './execution-failure';
import type { AcceptedExecution } from './execution-intake';
import { JOURNALED } from './execution-runner';
import { ExecutionsService, type RunExecution } from './executions.service';
import { REPLAYED } from './idempotency/replays';
import type { ExecutionRecord } from './ledger/execution-record';
import type { ExecutionMode } from './ledger/execution-status';
import { RunningExecutions } from './lifecycle/running-executions';
import { BEGINNING } from './streams/execution-stream';
import { OpenReaders } from './streams/open-readers';
import { StreamFollower } from './streams/stream-follower';
import { WholeAnswers } from './streams/whole-answers';

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
    private readonly follower: StreamFollower,
    private readonly readers: OpenReaders,
    private readonly whole: WholeAnswers,
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
      this.follower.readRunning(input.id, client);
      return;
    }
    response.once('close', () => {
      if (!response.writableFinished) onGone();
    });
    const { record, isJournaled } = await begun.ended;
    if (isJournaled) response.set(JOURNALED);
    return this.whole.tellPaid(response.status(201), presentExecution(record));
  }

  /** Answers with the execution and everything that is stored of it. @throws {AppError} `too_many_requests` */
  detailed(record: ExecutionRecord, response: Response): Promise<void> {
    return this.whole.tellStored(response, presentDetail(record));
  }

  /**
   * Answers as the first request with the key was answered, or as its execution is now.
   * @throws {AppError} `too_many_requests`; the same request may be repeated.
   */
  again(
    record: ExecutionRecord,
    mode: ExecutionMode,
    { principal, response }: Omit<Asker, 'request'>,
  ): Promise<void> {
    if (mode === 'async') return this.accepted({ record, isReplay: true }, response);
    return this.replay(record, mode, { principal, response });
  }

  /** Answers 202 with the execution as it is now. @throws {AppError} as {@link again}, when it is a replay. */
  accepted({ record, isReplay }: AcceptedExecution, response: Response): Promise<void> {
    locate(response, record);
    const answer = presentExecution(record);
    const headers = { 'Preference-Applied': 'respond-async' };
    if (!isReplay) return this.whole.tellPaid(response.status(202).set(headers), answer);
    return this.whole.tellStored(response.status(202), answer, { ...headers, ...REPLAYED });
  }

  /**
   * The same answer again, also when it is a failure.
   * @throws {AppError} `too_many_requests`
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
    return this.whole.tellStored(response.status(201), presentExecution(record), REPLAYED);
  }
}

function claimTo(principal: Principal, { agentId }: { agentId: string }): StandingClaim {
  return { principal, permission: 'executions:run', agentId };
}

function locate(response: Response, { workspaceId, id }: { workspaceId: string; id: string }) {
  response.location(`/api/workspaces/${workspaceId}/executions/${id}`);
}
