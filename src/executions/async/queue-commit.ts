import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppError } from '../../common';
import { ExecutionQueue } from '../../queue';
import { IdempotencyKeyTaken, refuseUnstarted } from '../ledger/refused-start';
import { ExecutionLedger } from '../ledger/execution-ledger';
import { isInDoubt, LEDGER_RETRY_AFTER_MS, ledgerUnavailable } from '../ledger/ledger-errors';
import type { ExecutionStart } from '../ledger/ledger-rows';
import { ExecutionStarts } from '../ledger/execution-starts';
import { QueueLimit } from './queue-limit';

/** Waits between the tries to find out whether a commit took place of which no answer came. */
const WAITS_MS = [50, 250, 1_000, 2_500, 5_000];

/** Commits an execution together with its place in the queue, and knows whether it did. */
@Injectable()
export class QueueCommit {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: ExecutionLedger,
    private readonly queue: ExecutionQueue,
    private readonly starts: ExecutionStarts,
    private readonly limit: QueueLimit,
  ) {}

  /**
   * A commit whose answer got lost is made again under the same id: it waits for the first while that is under way, is
   * refused as a duplicate if that took place, and stands for it if not.
   * @throws {AppError} `ledger_unavailable`: nothing was written; `acceptance_unknown`: the database stayed away, and
   * what it may have written is withdrawn when it is back; `too_many_requests`: as many wait as may.
   * @throws {IdempotencyKeyTaken}
   */
  async commit(start: ExecutionStart): Promise<void> {
    let mayBeWritten = false;
    for (const waitMs of [...WAITS_MS, null]) {
      try {
        await this.tryOnce(start, mayBeWritten);
        return;
      } catch (error) {
        const cause = causeOf(error);
        if (cause === null) throw error;
        if (mayBeWritten && isDuplicate(cause)) return;
        mayBeWritten ||= isInDoubt(cause);
        if (!mayBeWritten) throw ledgerUnavailable(cause);
        if (waitMs === null) break;
        await delay(waitMs);
      }
    }
    this.starts.note(start);
    throw acceptanceUnknown(start);
  }

  /** Of what may be written there may be no room because it is: then the start tells, as a duplicate. */
  private async tryOnce(start: ExecutionStart, mayBeWritten: boolean): Promise<void> {
    const { id: executionId, workspaceId } = start;
    await this.dataSource.transaction(async (manager) => {
      const hasRoom = await this.limit.hasRoom(manager, workspaceId);
      if (!hasRoom && !mayBeWritten) throw this.limit.refusal;
      refuseUnstarted(await this.ledger.startWithin(manager, start));
      if (!hasRoom) throw this.limit.refusal;
      await this.queue.enqueue(manager, { executionId, workspaceId });
    });
  }
}

/** What the database, or the way to it, said; null: it was our own refusal, after which nothing is written. */
function causeOf(error: unknown): unknown {
  if (error instanceof IdempotencyKeyTaken) return null;
  if (!(error instanceof AppError)) return error;
  return error.code === 'ledger_unavailable' ? error.cause : null;
}

function isDuplicate(cause: unknown): boolean {
  return (cause as { code?: string }).code === '23505';
}

function acceptanceUnknown({ id: executionId, workspaceId }: ExecutionStart): AppError {
  return new AppError('acceptance_unknown', undefined, {
    retryAfterMs: LEDGER_RETRY_AFTER_MS,
    headers: { Location: `/api/workspaces/${workspaceId}/executions/${executionId}` },
    extensions: { executionId },
  });
}
