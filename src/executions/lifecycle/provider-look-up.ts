import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ExecuteResult } from '../../ai-providers';
import { Environment } from '../../config';
import { ExecutionContent } from '../../content';
import { PaidProviders } from '../async/paid-providers';
import { succeeded } from '../ledger/attempt-outcome';
import { ExecutionLedger } from '../ledger/execution-ledger';
import { settlementRow } from '../ledger/ledger-rows';
import { sealOutput } from '../ledger/stored-content';

const INTERVAL_MS = 30_000;
const ROWS_MAX = 20;
const TIMEOUT_MS = 10_000;

const LOST = `
  SELECT execution_id AS id, workspace_id AS "workspaceId", provider, model, api_key_id AS "apiKeyId", fence,
         attempt_number AS "attemptNumber", started_at AS "startedAt", keeps_output AS "keepsOutput"
    FROM list_lost_executions($1, $2)`;

interface LostExecution {
  readonly id: string;
  readonly workspaceId: string;
  readonly provider: string;
  readonly model: string;
  readonly apiKeyId: string | null;
  readonly fence: number;
  readonly attemptNumber: number;
  readonly startedAt: Date;
  readonly keepsOutput: boolean;
}

/** Under which name an answer is stored at a provider: one for all attempts, of which at most one is answered. */
export function storedAs(executionId: string) {
  return { executionId, attemptNumber: 1 };
}

/**
 * Asks providers for answers that a crash cost, in workspaces that had them stored there. What is found completes its
 * execution; what is not stays interrupted. It is never asked for anew.
 */
@Injectable()
export class ProviderLookUp {
  private readonly logger = new Logger(ProviderLookUp.name);
  private lookedAtMs = -Infinity;

  constructor(
    private readonly dataSource: DataSource,
    private readonly environment: Environment,
    private readonly paidProviders: PaidProviders,
    private readonly content: ExecutionContent,
    private readonly ledger: ExecutionLedger,
  ) {}

  /** One round, if the last one is long enough ago. */
  async run(): Promise<void> {
    const now = performance.now();
    if (now - this.lookedAtMs < INTERVAL_MS) return;
    this.lookedAtMs = now;
    const { storeContent } = this.environment;
    const lost = await this.dataSource.query<LostExecution[]>(LOST, [storeContent, ROWS_MAX]);
    for (const execution of lost) await this.lookUpQuietly(execution);
  }

  /** A provider or a key that fails here says nothing new; the next round asks again. */
  private async lookUpQuietly(lost: LostExecution): Promise<void> {
    const { id: executionId } = lost;
    try {
      const { provider } = await this.paidProviders.open(lost);
      const options = { timeoutMs: TIMEOUT_MS };
      const result = await provider.findStored?.(storedAs(executionId), options);
      if (result == null || !(await this.complete(lost, result))) return;
      this.logger.log({ message: 'an answer was found at its provider', executionId });
    } catch (error) {
      const { name } = error as Error;
      this.logger.debug({ message: 'a provider could not be asked', executionId, name });
    }
  }

  private async complete(lost: LostExecution, result: ExecuteResult): Promise<boolean> {
    const { id: executionId, workspaceId, attemptNumber } = lost;
    const { usage, output, finishReason } = result;
    const latencyMs = Math.max(0, Date.now() - lost.startedAt.getTime());
    const outcome = succeeded(result, latencyMs);
    // The fence of the server that died: its receipt, told by the provider.
    const key = { executionId, workspaceId, attemptNumber, fence: lost.fence - 1 };
    const sealer = lost.keepsOutput ? await this.content.sealer(workspaceId) : null;
    return this.ledger.settle(
      settlementRow(key, {
        ...{ status: 'completed', outcome, output, finishReason, error: null, latencyMs },
        totals: { usage, costNanoUsd: outcome.costNanoUsd },
        sealedOutput: sealer === null ? null : sealOutput(sealer, executionId, output),
        completedAt: new Date(lost.startedAt.getTime() + latencyMs),
        timeToFirstTokenMs: null,
      }),
    );
  }
}
