import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { INTERRUPTED_MESSAGE } from '../ledger/attempt-outcome';
import { JournalAdoption } from './journal-adoption';

const ROWS_MAX = 200;

const INTERRUPT = `
  SELECT execution_id AS "executionId", status FROM interrupt_executions(NULL, $1, $2)`;

/** Ends what dead servers left behind: with their receipts, and then what they have no receipt of. */
@Injectable()
export class DeadServers {
  private readonly logger = new Logger(DeadServers.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly adoption: JournalAdoption,
  ) {}

  /** @throws when the ledger cannot be written: what is left is ended by the next call. */
  async endExecutions(): Promise<void> {
    await this.adoption.adopt();
    let moved: { executionId: string; status: string }[];
    do {
      moved = await this.dataSource.query(INTERRUPT, [ROWS_MAX, INTERRUPTED_MESSAGE]);
      for (const { executionId, status } of moved) {
        this.logger.warn({ message: 'a server died with an execution', executionId, status });
      }
    } while (moved.length === ROWS_MAX);
  }
}
