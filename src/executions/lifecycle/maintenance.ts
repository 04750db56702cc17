import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Environment } from '../../config';

const MONTHS_AHEAD = 3;
const INTERVAL_MS = 3_600_000;
const MS_PER_DAY = 86_400_000;

/**
 * Keeps the monthly partitions ahead of the calendar (without the next one no execution can start), drops those that
 * are older than they are to be kept, and forgets idempotency keys. Any number of servers may do it: what must not
 * happen twice at once takes an advisory lock in the database.
 */
@Injectable()
export class Maintenance implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Maintenance.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly environment: Environment,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.ensurePartitions();
    this.timer = setInterval(() => void this.runQuietly(), INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** One round. @param now - for what is older than it is kept. */
  async run(now = Date.now()): Promise<void> {
    await this.ensurePartitions();
    const { executionRetentionDays, contentRetentionDays } = this.environment;
    await this.drop(now, executionRetentionDays, false);
    await this.drop(now, contentRetentionDays, true);
    const { storeContent, idempotencyHours } = this.environment;
    await this.dataSource.query('SELECT delete_expired($1, $2)', [storeContent, idempotencyHours]);
  }

  private async runQuietly(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      const { code } = error as { code?: string };
      this.logger.error({ message: 'the hourly maintenance failed; the next is in 1 h', code });
    }
  }

  private async ensurePartitions(): Promise<void> {
    await this.dataSource.query('SELECT ensure_execution_partitions($1)', [MONTHS_AHEAD]);
  }

  /** Whole months only: a partition goes when its last execution is old enough. */
  private async drop(now: number, days: number | null, contentsOnly: boolean): Promise<void> {
    if (days === null) return;
    const endedBefore = new Date(now - days * MS_PER_DAY);
    const dropped = await this.dataSource.query<{ name: string }[]>(
      'SELECT drop_execution_partitions($1, $2) AS name',
      [endedBefore, contentsOnly],
    );
    for (const { name } of dropped) {
      this.logger.log({ message: 'a month was deleted: it is older than it is kept', table: name });
    }
  }
}
