import { Injectable } from '@nestjs/common';
import { AppError } from '../../common';
import { type ContentSealer, ExecutionContent } from '../../content';
import type { WakeUp } from '../../queue';
import { cancelledUnsent, notSent } from '../ledger/attempt-outcome';
import { ExecutionLedger } from '../ledger/execution-ledger';
import { ExecutionQueries } from '../ledger/execution-queries';
import type { ExecutionFailure, ExecutionRecord, StoredRequest } from '../ledger/execution-record';
import { sealerOf } from '../ledger/stored-content';

/** An execution in the queue, with what it asks. */
export interface QueuedExecution {
  readonly record: ExecutionRecord;
  readonly request: StoredRequest;
  readonly sealer: ContentSealer;
}

/** What waits in the queue, before a server has claimed it. */
@Injectable()
export class QueuedRequests {
  constructor(
    private readonly queries: ExecutionQueries,
    private readonly content: ExecutionContent,
    private readonly ledger: ExecutionLedger,
  ) {}

  /**
   * @returns null when it does not wait any more: another server has it, or it has ended or is deleted. One whose
   * request does not open, or is not kept any more, or that is to be cancelled, ends here.
   */
  async find({ executionId, workspaceId }: WakeUp): Promise<QueuedExecution | null> {
    try {
      const record = await this.queries.get(workspaceId, executionId);
      if (record.status !== 'queued') return null;
      if (record.cancelRequestedAt != null) {
        await this.cancel(record);
        return null;
      }
      // With the key of the workspace gone it waits, until an operator has seen to it.
      const sealer = await sealerOf(this.content, workspaceId);
      const { request } = record;
      if (request !== null) return { record, request, sealer };
      await this.fail(record, notSent('content_unreadable'));
      return null;
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return null;
      throw error;
    }
  }

  /** Its server was asked to, and died between two attempts before it heard of it. */
  private async cancel(record: ExecutionRecord): Promise<void> {
    const billed = record.attempts.at(-1)?.outcome?.billed ?? 'no';
    await this.ledger.endQueued(record, cancelledUnsent(billed), 'cancelled');
  }

  /** Ends it unsent. */
  async fail(
    execution: Pick<ExecutionRecord, 'id' | 'workspaceId'>,
    failure: ExecutionFailure,
  ): Promise<void> {
    await this.ledger.endQueued(execution, failure);
  }
}
