import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ReceiptJournal } from '../../receipt-journal';
import { ExecutionLedger } from '../ledger/execution-ledger';
import type { SettlementRow } from '../ledger/ledger-rows';

const IS_ALIVE = 'SELECT server_is_alive($1) AS "isAlive"';

/** Settles the receipts that servers left behind in the journal directory of this host. */
@Injectable()
export class JournalAdoption {
  private readonly logger = new Logger(JournalAdoption.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly journal: ReceiptJournal,
    private readonly ledger: ExecutionLedger,
  ) {}

  /** @throws when the ledger cannot be written; the rest is adopted at the next call. */
  async adopt(): Promise<void> {
    for await (const entry of this.journal.adopt((id) => this.isAlive(id))) {
      const row = JSON.parse(entry.receipt) as SettlementRow;
      const isSettled = await this.ledger.settle(row);
      entry.acknowledge();
      if (!isSettled) continue;
      this.logger.log({
        message: 'a receipt of a server that died completed its execution',
        executionId: row.execution_id,
      });
    }
  }

  private async isAlive(serverId: string): Promise<boolean> {
    const [row] = await this.dataSource.query<{ isAlive: boolean }[]>(IS_ALIVE, [serverId]);
    return row?.isAlive === true;
  }
}
