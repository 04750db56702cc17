import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppError } from '../../common';
import { Environment } from '../../config';
import { ledgerUnavailable } from '../ledger/ledger-errors';

const COUNT = 'SELECT count_queued_executions($1, $2) AS count';
const RETRY_AFTER_MS = 10_000;

/** Keeps one workspace from filling the queue of all. */
@Injectable()
export class QueueLimit {
  constructor(
    private readonly dataSource: DataSource,
    private readonly environment: Environment,
  ) {}

  /**
   * Requests that come at the same moment do not see each other: as many more may get in.
   * @throws {AppError} `too_many_requests` when as many wait as may; `ledger_unavailable` when it cannot be known.
   */
  async assertRoom(workspaceId: string): Promise<void> {
    const most = this.environment.queuedExecutionsPerWorkspace;
    if ((await this.count(workspaceId, most)) < most) return;
    const detail = `${most} executions of this workspace wait in the queue, and no more may. Wait for Retry-After.`;
    throw new AppError('too_many_requests', detail, { retryAfterMs: RETRY_AFTER_MS });
  }

  private async count(workspaceId: string, most: number): Promise<number> {
    try {
      const [row] = await this.dataSource.query<{ count: number }[]>(COUNT, [workspaceId, most]);
      return row?.count ?? 0;
    } catch (error) {
      throw ledgerUnavailable(error);
    }
  }
}
