import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';

const MONTHS_AHEAD = 3;
const INTERVAL_MS = 12 * 3_600_000;

/** Keeps the monthly partitions ahead of the calendar: without the next one no execution can start. */
@Injectable()
export class PartitionKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(PartitionKeeper.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly dataSource: DataSource) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.ensure();
    this.timer = setInterval(() => void this.ensureQuietly(), INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async ensure(): Promise<void> {
    await this.dataSource.query('SELECT ensure_execution_partitions($1)', [MONTHS_AHEAD]);
  }

  private async ensureQuietly(): Promise<void> {
    try {
      await this.ensure();
    } catch {
      this.logger.error(
        'the partitions of the coming months could not be made; the next try is in 12 h',
      );
    }
  }
}
