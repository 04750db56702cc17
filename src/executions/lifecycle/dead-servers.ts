import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { INTERRUPTED_MESSAGE } from '../ledger/attempt-outcome';
import { JournalAdoption } from './journal-adoption';
import { ServerIdentity } from './server-identity';
import { LEASE_MS } from './server-lease';

const ROWS_MAX = 200;

const SWEEP = `
  SELECT execution_id AS "executionId", status FROM sweep_executions($1, $2, $3, $4)`;

/** Ends what dead servers left behind: with their receipts, and then what they have no receipt of. */
@Injectable()
export class DeadServers {
  private readonly logger = new Logger(DeadServers.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly adoption: JournalAdoption,
    private readonly identity: ServerIdentity,
  ) {}

  /** @throws when the ledger cannot be written: what is left is ended by the next call. */
  async endExecutions(): Promise<void> {
    await this.adoption.adopt();
    let moved: { executionId: string; status: string }[];
    do {
      moved = await this.dataSource.query(SWEEP, [
        ...[this.identity.id, LEASE_MS],
        ...[ROWS_MAX, INTERRUPTED_MESSAGE],
      ]);
      for (const { executionId, status } of moved) {
        this.logger.warn({ message: 'a server died with an execution', executionId, status });
      }
    } while (moved.length === ROWS_MAX);
  }
}
