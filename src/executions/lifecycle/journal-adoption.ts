import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type KeptReceipt, ReceiptJournal } from '../../receipt-journal';
import { ExecutionLedger } from '../ledger/execution-ledger';
import { isFaultOfARow } from '../ledger/group-commit';
import { fromReceipt, type SettlementRow } from '../ledger/ledger-rows';

const IS_ALIVE = 'SELECT server_is_alive($1) AS "isAlive"';

/** Settles the receipts that servers left behind in the journal directory of this host. */
@Injectable()
export class JournalAdoption {
  private readonly logger = new Logger(JournalAdoption.name);
  /** Executions whose receipts were refused: told once, however often they are given. */
  private readonly refused = new Set<string>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly journal: ReceiptJournal,
    private readonly ledger: ExecutionLedger,
  ) {}

  /** @throws when the ledger cannot be written; the rest is adopted at the next call. */
  async adopt(): Promise<void> {
    for await (const entry of this.journal.adopt((id) => this.isAlive(id))) {
      const row = fromReceipt(entry.receipt, entry.attachment);
      const isSettled = await this.settleUnlessRefused(row);
      if (isSettled === null) {
        await this.setAside(entry, row.execution_id);
        continue;
      }
      entry.acknowledge();
      if (!isSettled) continue;
      this.logger.log({
        message: 'a receipt of a server that died completed its execution',
        executionId: row.execution_id,
      });
    }
  }

  /** One receipt that the ledger refuses must not keep the others from it. @returns null: refused. */
  private async settleUnlessRefused(row: SettlementRow): Promise<boolean | null> {
    try {
      return await this.ledger.settle(row);
    } catch (error) {
      if (!isFaultOfARow(error)) throw error;
      return null;
    }
  }

  /** A receipt that cannot be put aside stays where it is, and keeps no other from the ledger either. */
  private async setAside(entry: KeptReceipt, executionId: string): Promise<void> {
    if (!this.refused.has(executionId)) {
      this.logger.error({ message: 'the ledger refuses a receipt of a dead server', executionId });
    }
    this.refused.add(executionId);
    await entry.setAside().then(
      () => this.refused.delete(executionId),
      () => undefined,
    );
  }

  private async isAlive(serverId: string): Promise<boolean> {
    const [row] = await this.dataSource.query<{ isAlive: boolean }[]>(IS_ALIVE, [serverId]);
    return row?.isAlive === true;
  }
}
