import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { RunningExecutions } from './running-executions';

/** A call of a deleted workspace ends within this time and that of two statements, on every server. */
const INTERVAL_MS = 1_000;
const MISSING = `
  SELECT id FROM list_missing_workspaces($1) AS id`;

/**
 * Ends the calls of workspaces that were deleted, here or on another server: nobody is left who could be told or
 * billed. With the workspace went its rows, so those calls leave no trace in the ledger.
 */
@Injectable()
export class DeletedWorkspaces implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DeletedWorkspaces.name);
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly running: RunningExecutions,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.lookQuietly(), INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async lookQuietly(): Promise<void> {
    if (this.isLooking || this.running.count === 0) return;
    this.isLooking = true;
    try {
      await this.look();
    } catch {
      this.logger.debug('it could not be looked at which workspaces are deleted');
    } finally {
      this.isLooking = false;
    }
  }

  private async look(): Promise<void> {
    const missing = await this.dataSource.query<{ id: string }[]>(MISSING, [
      this.running.workspaceIds,
    ]);
    for (const { id } of missing) {
      const executions = this.running.cancelAllOf(id);
      this.logger.log({ message: 'calls of a deleted workspace are ended', executions });
    }
  }
}
