import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { INTERRUPTED_MESSAGE } from '../ledger/attempt-outcome';
import { ExecutionLedger } from '../ledger/execution-ledger';
import { isFaultOfARow } from '../ledger/group-commit';
import { RecentReceipts } from '../ledger/recent-receipts';
import { ExecutionsInHand } from './executions-in-hand';
import { ServerIdentity } from './server-identity';

/** Between two looks: what starts or ends while one is taken is over it at the next. */
const INTERVAL_MS = 5_000;
const ROWS_MAX = 200;

const UNKNOWN = `
  SELECT execution_id AS "executionId", fence FROM list_unknown_executions($1, $2, $3)`;
const INTERRUPT = 'SELECT interrupt_forgotten_execution($1, $2, $3, $4) AS status';

interface UnknownExecution {
  readonly executionId: string;
  readonly fence: number;
}

/**
 * Ends what this server runs by the ledger, and does not know of: no other would, since this one lives. It comes from an
 * end that the database refused in every form, from one that nothing was left to keep, from a database that lost an end
 * that it had taken, or from a mistake of ours.
 */
@Injectable()
export class ForgottenExecutions {
  private readonly logger = new Logger(ForgottenExecutions.name);
  /** The fences of those that the last look found unknown. */
  private unknown = new Map<string, number>();
  /** Those whose end is refused: told once. */
  private readonly refused = new Set<string>();
  private lookedAtMs = -Infinity;

  constructor(
    private readonly dataSource: DataSource,
    private readonly identity: ServerIdentity,
    private readonly inHand: ExecutionsInHand,
    private readonly recent: RecentReceipts,
    private readonly ledger: ExecutionLedger,
  ) {}

  /**
   * One look, if the last one is long enough ago. Ends what that found unknown too, under the same fence; one that
   * failed counts for nothing.
   * @param nowMs - monotonic milliseconds.
   * @throws when the database does not answer.
   */
  async look(nowMs = performance.now()): Promise<void> {
    if (nowMs - this.lookedAtMs < INTERVAL_MS) return;
    this.lookedAtMs = nowMs;
    const before = this.unknown;
    this.unknown = new Map();
    const values = [this.identity.id, [...this.inHand.ids], ROWS_MAX];
    const unknown = await this.dataSource.query<UnknownExecution[]>(UNKNOWN, values);
    this.unknown = new Map(unknown.map(({ executionId, fence }) => [executionId, fence]));
    for (const execution of unknown) {
      if (before.get(execution.executionId) === execution.fence) await this.end(execution);
    }
  }

  private async end(forgotten: UnknownExecution): Promise<void> {
    const { executionId } = forgotten;
    try {
      const status = (await this.tellAgain(forgotten)) ?? (await this.interrupt(forgotten));
      if (status === null) return;
      this.logger.error({
        message: 'this server forgot an execution; it is ended',
        executionId,
        status,
      });
    } catch (error) {
      if (!isFaultOfARow(error)) throw error;
      if (this.refused.has(executionId)) return;
      this.refused.add(executionId);
      this.logger.error({
        message: 'the database refuses every end of an execution, which stays running',
        executionId,
        code: (error as { code?: string }).code,
      });
    }
  }

  /** What the ledger took and lost again is known all the same. @returns the status; null: there is no receipt. */
  private async tellAgain({ executionId }: UnknownExecution): Promise<string | null> {
    const receipt = this.recent.find(executionId);
    if (receipt === null) return null;
    return (await this.ledger.settle(receipt)) ? receipt.status : null;
  }

  /** @returns what it became; null: it has ended since, or is another server's. */
  private async interrupt({ executionId, fence }: UnknownExecution): Promise<string | null> {
    const values = [this.identity.id, executionId, fence, INTERRUPTED_MESSAGE];
    const [row] = await this.dataSource.query<{ status: string | null }[]>(INTERRUPT, values);
    return row?.status ?? null;
  }
}
