import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { AppError } from '../../common';
import { ReceiptJournal } from '../../receipt-journal';
import { ExecutionLedger } from './execution-ledger';
import { isFaultOfARow } from './group-commit';
import { LEDGER_RETRY_AFTER_MS } from './ledger-errors';
import { RecentReceipts } from './recent-receipts';
import { type AttemptKey, type Settlement, settlementRow, type SettlementRow } from './ledger-rows';

/** How long an answer may wait for the ledger before it leaves with its receipt in the journal. */
const LEDGER_LIMIT_MS = 2_000;
/** Without a journal: waits between the tries to record the end of an execution. */
const WAITS_MS = [250, 1_000, 4_000];
const REPLAY_INTERVAL_MS = 500;
/** With so many to be told, what is in no journal is not kept. */
const MISSED_MAX = 1_000;

/** Where the end of an execution was recorded. */
export interface Recorded {
  /** In the journal only, so far. */
  readonly isJournaled: boolean;
}

/**
 * Records how executions ended: in the receipt journal first, which survives this process, then in the ledger. A
 * ledger that is away costs nobody an answer: it is told what it missed when it is back.
 */
@Injectable()
export class Settlements implements OnModuleDestroy {
  private readonly logger = new Logger(Settlements.name);
  /** Receipts that the ledger did not take, by their entry in the journal. */
  private readonly missed = new Map<number, SettlementRow>();
  /** The numbers of those that are in no journal are negative, which it ignores. */
  private lastUnkept = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly ledger: ExecutionLedger,
    private readonly journal: ReceiptJournal,
    private readonly recent: RecentReceipts,
  ) {}

  /**
   * @returns null when the execution is gone, or was ended by another server: nothing was written.
   * @throws {AppError} `ledger_unavailable`: neither ledger nor journal could be written.
   */
  async record(key: AttemptKey, settlement: Settlement): Promise<Recorded | null> {
    const row = settlementRow(key, settlement);
    const entry = this.append(row);
    if (entry === null) return this.settleOrThrow(row);
    try {
      const isSettled = await withinLimit(this.settleAgain(row, entry), LEDGER_LIMIT_MS);
      return isSettled ? { isJournaled: false } : null;
    } catch (error) {
      this.missed.set(entry, row);
      this.replaySoon();
      await this.syncOrThrow(row);
      this.logger.warn({
        message: 'the ledger cannot be written; the receipt is in the journal',
        executionId: row.execution_id,
        reason: (error as { code?: string }).code,
      });
      return { isJournaled: true };
    }
  }

  /** How many receipts the ledger has still to be told. */
  get missedCount(): number {
    return this.missed.size;
  }

  /** Tells the ledger what it missed. What it refuses for another reason than its absence is put aside, for a person. */
  async replay(): Promise<void> {
    this.timer = null;
    for (const [entry, row] of this.missed) {
      try {
        await this.settle(row, entry);
      } catch (error) {
        if (!isFaultOfARow(error)) break;
        this.logger.error({
          message: 'the ledger refuses a receipt, which is put aside',
          executionId: row.execution_id,
        });
        // What cannot be put aside stays in the journal, for whoever adopts it.
        await this.journal.setAside(entry).catch(() => undefined);
      }
      this.missed.delete(entry);
    }
    if (this.missed.size > 0) this.replaySoon();
  }

  onModuleDestroy(): void {
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** The journal outlives this process, so it need not be kept alive for it. */
  private replaySoon(): void {
    this.timer ??= setTimeout(() => void this.replay(), REPLAY_INTERVAL_MS).unref();
  }

  /** What may not be on disk is not kept, whatever the file says; the ledger is told of it all the same. */
  private async syncOrThrow(row: SettlementRow): Promise<void> {
    try {
      await this.journal.sync();
    } catch (cause) {
      throw notRecorded(row, cause);
    }
  }

  private append(row: SettlementRow): number | null {
    try {
      return this.journal.append(JSON.stringify(row));
    } catch {
      this.logger.error('the receipt journal cannot be written');
      return null;
    }
  }

  private async settle(row: SettlementRow, entry: number): Promise<boolean> {
    const isSettled = await this.ledger.settle(row);
    this.recent.keep(row);
    this.journal.acknowledge(entry);
    return isSettled;
  }

  /** A statement that failed once may succeed at once. The first may have settled it and lost its answer. */
  private async settleAgain(row: SettlementRow, entry: number): Promise<boolean> {
    try {
      return await this.settle(row, entry);
    } catch {
      await this.settle(row, entry);
      return true;
    }
  }

  /** All that is left when neither takes it; what the client was told is that it is not recorded. */
  private keepInMemory(row: SettlementRow): void {
    if (this.missed.size >= MISSED_MAX) return;
    this.missed.set((this.lastUnkept -= 1), row);
    this.replaySoon();
  }

  /** The call may have been paid for, so a ledger that cannot be written is tried again for a while. */
  private async settleOrThrow(row: SettlementRow): Promise<Recorded | null> {
    for (let failures = 0; ; failures += 1) {
      try {
        const isSettled = await this.ledger.settle(row);
        this.recent.keep(row);
        // A try whose answer was lost may have settled it.
        return isSettled || failures > 0 ? { isJournaled: false } : null;
      } catch (cause) {
        const waitMs = WAITS_MS[failures];
        if (waitMs === undefined) {
          this.keepInMemory(row);
          throw notRecorded(row, cause);
        }
        await delay(waitMs);
      }
    }
  }
}

function notRecorded({ execution_id: executionId, billed }: SettlementRow, cause: unknown) {
  return new AppError('ledger_unavailable', 'The end of the execution could not be recorded.', {
    retryAfterMs: LEDGER_RETRY_AFTER_MS,
    extensions: { executionId, billed },
    cause,
  });
}

/** Ends the wait, not the work: what it does later is done all the same. */
async function withinLimit<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('the ledger did not answer in time'));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
