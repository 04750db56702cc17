import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppError } from '../../common';
import { cancelledUnsent } from '../ledger/attempt-outcome';
import { ExecutionQueries } from '../ledger/execution-queries';
import type { ExecutionRecord } from '../ledger/execution-record';
import { type ExecutionStatus, isTerminal } from '../ledger/execution-status';
import { RunningExecutions } from './running-executions';

const REQUEST = 'SELECT status FROM request_cancellation($1, $2, $3)';
/** How long a client waits for the end; the owner learns of the wish within a second. */
const LIMIT_MS = 3_000;
const LOOK_MS = 100;

const FAILURE = cancelledUnsent('no');

/** Ends executions before their time, wherever they run. */
@Injectable()
export class Cancellation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly running: RunningExecutions,
    private readonly queries: ExecutionQueries,
  ) {}

  /**
   * Idempotent: one that has ended stays as it ended.
   * @returns the execution at its end; still `running` only if its server does not answer.
   * @throws {AppError} `not_found`
   */
  async cancel(workspaceId: string, executionId: string): Promise<ExecutionRecord> {
    const [row] = await this.dataSource.query<{ status: ExecutionStatus }[]>(REQUEST, [
      executionId,
      workspaceId,
      JSON.stringify(FAILURE),
    ]);
    if (row === undefined) throw new AppError('not_found', 'No such execution.');
    if (this.running.cancel(executionId)) await this.running.ended(executionId);
    const limit = performance.now() + LIMIT_MS;
    let record = await this.queries.get(workspaceId, executionId);
    while (!isTerminal(record.status) && performance.now() < limit) {
      await delay(LOOK_MS);
      record = await this.queries.get(workspaceId, executionId);
    }
    return record;
  }
}
