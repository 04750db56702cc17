import { Injectable } from '@nestjs/common';
import type { ExecuteParams } from '../../ai-providers';
import { ExecutionContent } from '../../content';
import type { IdempotencyClaim } from '../ledger/ledger-rows';
import { sealerOf, sealRequest } from '../ledger/stored-content';
import { ServerGate } from '../lifecycle/server-gate';
import { QueueCommit } from './queue-commit';

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
    private readonly content: ExecutionContent,
    private readonly queue: QueueCommit,
  ) {}

  /**
   * Commits the execution together with its place in the queue.
   * @throws as {@link QueueCommit.commit}; `not_ready` while this server shuts down; `content_unreadable`: nothing
   * was written.
   */
  async enqueue(input: QueueExecution): Promise<void> {
    this.gate.assertOpen();
    const { id, workspaceId, params, ...rest } = input;
    const sealer = await sealerOf(this.content, workspaceId);
    await this.queue.commit({
      ...rest,
      ...{ id, workspaceId },
      model: params.model,
      mode: 'async',
      request: sealRequest(sealer, id, params),
    });
  }
}
