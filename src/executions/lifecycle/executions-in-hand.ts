import { Injectable } from '@nestjs/common';
import { ExecutionWorker } from '../async/execution-worker';
import { Settlements } from '../ledger/settlements';
import { ExecutionStarts } from '../ledger/execution-starts';
import { RunningExecutions } from './running-executions';

/** Every execution that this server still has to do with, from the first statement about it to the last. */
@Injectable()
export class ExecutionsInHand {
  constructor(
    private readonly running: RunningExecutions,
    private readonly worker: ExecutionWorker,
    private readonly starts: ExecutionStarts,
    private readonly settlements: Settlements,
  ) {}

  /** What is about to start or was just claimed, what runs, and what ended and is still to be told to the ledger. */
  get ids(): ReadonlySet<string> {
    return new Set([
      ...this.starts.ids,
      ...this.worker.handledIds,
      ...this.running.ids,
      ...this.settlements.missedIds,
    ]);
  }
}
