import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { type JournalStatus, JournalUnavailable, ReceiptJournal } from '../../receipt-journal';
import { ledgerUnavailable } from '../ledger/ledger-errors';
import { Drain } from './drain';
import { ServerIdentity } from './server-identity';
import { ServerLease } from './server-lease';

/** How long what was found out about the journal is believed. */
const BELIEVED_MS = 1_000;

/** Whether this server may start something that has to be paid for. */
@Injectable()
export class ServerGate implements OnModuleInit {
  private readonly logger = new Logger(ServerGate.name);
  private isWritable = false;
  private lookedAtMs = -Infinity;

  constructor(
    private readonly drain: Drain,
    private readonly lease: ServerLease,
    private readonly journal: ReceiptJournal,
    private readonly identity: ServerIdentity,
  ) {}

  /** A journal that cannot be written keeps this server from starting executions, not from serving the rest. */
  async onModuleInit(): Promise<void> {
    try {
      await this.journal.open(this.identity.id);
    } catch (error) {
      if (!(error instanceof JournalUnavailable)) throw error;
      this.logger.error('the receipt journal cannot be written: nothing is started until it can');
    }
  }

  /** @throws {AppError} `not_ready` while it shuts down, `ledger_unavailable` without lease or journal. */
  assertOpen(): void {
    this.drain.assertOpen();
    this.lease.assertHeld();
    if (!this.journalIsWritable()) throw ledgerUnavailable();
  }

  /** What the operator is told of the receipts on this machine. */
  get receipts(): Pick<JournalStatus, 'writable' | 'unsettled' | 'quarantined'> {
    const { writable, unsettled, quarantined } = this.journal.status();
    return { writable, unsettled, quarantined };
  }

  private journalIsWritable(): boolean {
    const now = performance.now();
    if (now - this.lookedAtMs > BELIEVED_MS) {
      this.isWritable = this.journal.status().writable;
      this.lookedAtMs = now;
    }
    return this.isWritable;
  }
}
