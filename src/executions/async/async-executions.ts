import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ExecuteParams } from '../../ai-providers';
import { AppError } from '../../common';
import { ExecutionContent } from '../../content';
import { ExecutionQueue } from '../../queue';
import { IdempotencyKeyTaken, refuseTaken } from '../execution-tracker';
import { ExecutionLedger, ledgerUnavailable } from '../ledger/execution-ledger';
import type { ExecutionStart, IdempotencyClaim } from '../ledger/ledger-rows';
import { sealRequest } from '../ledger/stored-content';
import { ServerGate } from '../lifecycle/server-gate';

/** One execution for the queue. */
export interface QueueExecution {
  readonly id: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly provider: string;
  readonly params: ExecuteParams;
  /** The key that pays and no other; null: the first usable one when it runs. */
  readonly apiKeyId: string | null;
  /** Total deadline in milliseconds, from when it starts to run. */
  readonly timeoutMs: number;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly idempotency: IdempotencyClaim | null;
}

/** Accepts executions that nobody waits for. */
@Injectable()
export class AsyncExecutions {
  constructor(
    private readonly gate: ServerGate,
    private readonly dataSource: DataSource,
    private readonly content: ExecutionContent,
    private readonly ledger: ExecutionLedger,
    private readonly queue: ExecutionQueue,
  ) {}

  /**
   * Commits the execution together with its place in the queue.
   * @throws {AppError} `ledger_unavailable`: nothing was written.
   * @throws {IdempotencyKeyTaken}
   */
  async enqueue(input: QueueExecution): Promise<void> {
    this.gate.assertOpen();
    const { id, workspaceId, params, ...rest } = input;
    const sealer = await this.content.sealer(workspaceId);
    const start: ExecutionStart = {
      ...rest,
      ...{ id, workspaceId },
      model: params.model,
      mode: 'async',
      request: sealRequest(sealer, id, params),
    };
    try {
      await this.dataSource.transaction(async (manager) => {
        refuseTaken(await this.ledger.startWithin(manager, start));
        await this.queue.enqueue(manager, { executionId: id, workspaceId });
      });
    } catch (error) {
      if (error instanceof AppError || error instanceof IdempotencyKeyTaken) throw error;
      throw ledgerUnavailable(error);
    }
  }
}
