import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ExecutionQueue } from '../../queue';
import { INTERRUPTED_MESSAGE } from '../ledger/attempt-outcome';
import { JournalAdoption } from './journal-adoption';
import { ProviderLookUp } from './provider-look-up';
import { ServerLease } from './server-lease';

const INTERVAL_MS = 2_000;
const ROWS_MAX = 200;
/** A queued execution that nobody took for so long has lost its wake-up. */
const OVERDUE_SECONDS = 30;

const INTERRUPT = `
  SELECT execution_id AS "executionId", status FROM interrupt_executions(NULL, $1, $2)`;
const OVERDUE = `
  SELECT execution_id AS "executionId", workspace_id AS "workspaceId"
    FROM take_overdue_executions($1, $2)`;

/**
 * Ends what dead servers left behind: first their receipts, which complete executions, then what they have no
 * receipt of, which a provider may still know. Every server sweeps; there is no leader.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sweeper.name);
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> | null = null;

  constructor(
    private readonly dataSource: DataSource,
    private readonly lease: ServerLease,
    private readonly adoption: JournalAdoption,
    private readonly queue: ExecutionQueue,
    private readonly lookUp: ProviderLookUp,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping ??= this.sweepQuietly().finally(() => (this.sweeping = null));
    }, INTERVAL_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  /** One round. Does nothing while the leases of others may have run out for no fault of theirs. */
  async sweep(): Promise<void> {
    if (!this.lease.isEstablished) return;
    await this.adoption.adopt();
    await this.interrupt();
    await this.wakeUpOverdue();
    await this.lookUp.run();
  }

  private async sweepQuietly(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      const { name } = error as Error;
      this.logger.warn({ message: 'the sweep failed; it is repeated', name });
    }
  }

  private async interrupt(): Promise<void> {
    let moved: { executionId: string; status: string }[];
    do {
      moved = await this.dataSource.query(INTERRUPT, [ROWS_MAX, INTERRUPTED_MESSAGE]);
      for (const { executionId, status } of moved) {
        this.logger.warn({ message: 'a server died with an execution', executionId, status });
      }
    } while (moved.length === ROWS_MAX);
  }

  private async wakeUpOverdue(): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const overdue = await manager.query<{ executionId: string; workspaceId: string }[]>(OVERDUE, [
        OVERDUE_SECONDS,
        ROWS_MAX,
      ]);
      for (const wakeUp of overdue) await this.queue.enqueue(manager, wakeUp);
    });
  }
}
