import { Injectable } from '@nestjs/common';
import { AppError } from '../../common';
import { type ContentSealer, ExecutionContent } from '../../content';
import type { WakeUp } from '../../queue';
import { ExecutionLedger } from '../ledger/execution-ledger';
import { ExecutionQueries } from '../ledger/execution-queries';
import type { ExecutionFailure, ExecutionRecord, StoredRequest } from '../ledger/execution-record';

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

  /** @returns null when it does not wait any more: another server has it, or it has ended or is deleted. */
  async find({ executionId, workspaceId }: WakeUp): Promise<QueuedExecution | null> {
    try {
      const record = await this.queries.get(workspaceId, executionId);
      if (record.status !== 'queued' || record.request === null) return null;
      const sealer = await this.content.sealer(workspaceId);
      return { record, request: record.request, sealer };
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return null;
      throw error;
    }
  }

  /** Ends it unsent. */
  async fail(
    execution: Pick<ExecutionRecord, 'id' | 'workspaceId'>,
    failure: ExecutionFailure,
  ): Promise<void> {
    await this.ledger.failQueued(execution, failure);
  }
}
