import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ExecutionLedger } from '../ledger/execution-ledger';
import { isFaultOfARow } from '../ledger/group-commit';
import type { SettlementRow } from '../ledger/ledger-rows';
import { RecentReceipts } from '../ledger/recent-receipts';
import { DATABASE_STATE, type DatabaseState, isReplaced } from './database-state';

const INTERVAL_MS = 1_000;
const AT_ONCE = 128;

/**
 * Notices that the database is not the one that took the last receipts, but a standby that was promoted or a copy that
 * was restored, and tells it once more what this server settled last. What it knows already changes nothing.
 */
@Injectable()
export class DatabaseWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DatabaseWatch.name);
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | null = null;
  private known: DatabaseState | null = null;
  private isBlind = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly ledger: ExecutionLedger,
    private readonly recent: RecentReceipts,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.lookQuietly();
    this.timer = setInterval(() => {
      this.looking ??= this.lookQuietly().finally(() => (this.looking = null));
    }, INTERVAL_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** @throws when the database does not answer: what is under way then is begun again at the next look. */
  async look(): Promise<void> {
    const [now] = await this.dataSource.query<[DatabaseState]>(DATABASE_STATE);
    if (this.known !== null && isReplaced(this.known, now)) await this.tellAgain();
    this.known = now;
  }

  private async tellAgain(): Promise<void> {
    const receipts = this.recent.all;
    let lost = 0;
    for (let start = 0; start < receipts.length; start += AT_ONCE) {
      const group = receipts.slice(start, start + AT_ONCE);
      const settled = await Promise.all(group.map((row) => this.settle(row)));
      lost += settled.filter(Boolean).length;
    }
    this.logger.warn({
      message: 'the database was replaced; the last receipts were compared with it',
      receipts: receipts.length,
      lost,
    });
  }

  private async settle(row: SettlementRow): Promise<boolean> {
    try {
      return await this.ledger.settle(row);
    } catch (error) {
      if (!isFaultOfARow(error)) throw error;
      this.logger.error({
        message: 'a receipt that was lost is refused by the database',
        executionId: row.execution_id,
      });
      return false;
    }
  }

  private async lookQuietly(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      const { code } = error as { code?: string };
      // A role or a service that hides it: 42501, 42883, 0A000. Anything else is an outage.
      if (this.isBlind || !/^(42|0A)/.test(code ?? '')) return;
      this.isBlind = true;
      this.logger.warn('this database does not tell whether it was replaced');
    }
  }
}
