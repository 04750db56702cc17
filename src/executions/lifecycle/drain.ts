import type { Server } from 'node:http';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AppError } from '../../common';
import { Environment } from '../../config';
import { RunningExecutions } from './running-executions';

const MS_PER_SECOND = 1_000;
/** How long those that are ended at the limit may take to be recorded. */
const RECORDING_MS = 5_000;
/** How long an answer may still be on its way when everything has ended. */
const LAST_WORDS_MS = 1_000;

/**
 * The end of this server: nothing new is started, what runs may finish, and what does not finish in time is ended
 * and recorded as interrupted.
 */
@Injectable()
export class Drain implements BeforeApplicationShutdown {
  private begun = false;

  constructor(
    private readonly running: RunningExecutions,
    private readonly environment: Environment,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  get isUnderWay(): boolean {
    return this.begun;
  }

  /** @throws {AppError} `not_ready` when this server starts nothing any more. */
  assertOpen(): void {
    if (!this.begun) return;
    throw new AppError('not_ready', 'This server is shutting down. Repeat the request.', {
      retryAfterMs: MS_PER_SECOND,
    });
  }

  /** Before connections and database are closed: what is paid for is recorded first. */
  async beforeApplicationShutdown(): Promise<void> {
    this.begun = true;
    const isDone = await this.allEndedWithin(this.environment.drainSeconds * MS_PER_SECOND);
    if (!isDone) {
      this.running.endAll('shutdown');
      await this.allEndedWithin(RECORDING_MS);
    }
    this.letClientsGo();
  }

  /** Who follows an execution of another server, or never sent a request, would keep this one from closing. */
  private letClientsGo(): void {
    const server = this.adapterHost.httpAdapter.getHttpServer() as Server;
    setTimeout(() => {
      server.closeAllConnections();
    }, LAST_WORDS_MS).unref();
  }

  private async allEndedWithin(milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<false>((resolve) => {
      timer = setTimeout(() => {
        resolve(false);
      }, milliseconds);
    });
    try {
      return await Promise.race([this.running.allEnded().then(() => true), limit]);
    } finally {
      clearTimeout(timer);
    }
  }
}
