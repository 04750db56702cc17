import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { ReceiptJournal } from '../../receipt-journal';
import { ExecutionLedger } from './execution-ledger';
import { isFaultOfARow } from './group-commit';
import { isRefusedAlone } from './ledger-errors';
import {
  type AttemptKey,
  type Settlement,
  settlementRow,
  type SettlementRow,
  toReceipt,
} from './ledger-rows';
import { RecentReceipts } from './recent-receipts';
import { notRecordedYet, refusedForGood } from './unrecorded-end';

/** How long an answer may wait for the ledger before it leaves with its receipt in the journal. */
const LEDGER_LIMIT_MS = 2_000;
/** Without a journal: waits between the tries to record the end of an execution. */
const WAITS_MS = [250, 1_000, 4_000];
const REPLAY_INTERVAL_MS = 500;
/** Of what is in no journal, which ignores the number. */
const NO_ENTRY = 0;
/** With so many to be told, what is in no journal is not kept. */
const MISSED_MAX = 1_000;

/** Where the end of an execution was recorded. */
export interface Recorded {
  /** What was recorded: what was to be, or what was recorded instead because the ledger refuses that. */
  readonly settlement: Settlement;
  /** In the journal only, so far. */
  readonly isJournaled: boolean;
}

/** What is to be recorded, and what instead if the ledger refuses it. */
interface Receipt {
  readonly key: AttemptKey;
  readonly settlement: Settlement;
  readonly row: SettlementRow;
  readonly lesser: readonly Settlement[];
  /** It is recorded instead of another, which is the one that is put aside. */
  readonly isLesser: boolean;
}

/**
 * Records how executions ended: in the receipt journal first, which survives this process, then in the ledger. A
 * ledger that is away costs nobody an answer: it is told what it missed when it is back.
 */
@Injectable()
export class Settlements implements OnModuleDestroy {
  private readonly logger = new Logger(Settlements.name);
  /** Receipts that the ledger did not take, by their entry in the journal. */
  private readonly missed = new Map<number, Receipt>();
  /** The numbers of those that are in no journal are negative, which it ignores. */
  private lastUnkept = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly ledger: ExecutionLedger,
    private readonly journal: ReceiptJournal,
    private readonly recent: RecentReceipts,
  ) {}

  /**
   * @param lesser - what is recorded instead if the ledger refuses it for what is in it: the first that it takes.
   * @returns null when the execution is gone, or was ended by another server: nothing was written.
   * @throws {AppError} `ledger_unavailable`: neither ledger nor journal could be written; `internal`: the ledger
   * refuses even the least of these. Neither asks for a repetition.
   */
  async record(
    key: AttemptKey,
    settlement: Settlement,
    lesser: readonly Settlement[] = [],
  ): Promise<Recorded | null> {
    const row = settlementRow(key, settlement);
    return this.take({ key, settlement, row, lesser, isLesser: false });
  }

  private async take(receipt: Receipt): Promise<Recorded | null> {
    const { row, settlement } = receipt;
    const entry = this.append(row);
    if (entry === null) return this.settleOrThrow(receipt);
    try {
      const isSettled = await withinLimit(this.settleAgain(row, entry), LEDGER_LIMIT_MS);
      return isSettled ? { isJournaled: false, settlement } : null;
    } catch (error) {
      if (isFaultOfARow(error)) return this.takeLesser(receipt, entry, error);
      this.missed.set(entry, receipt);
      this.replaySoon();
      await this.syncOrThrow(row);
      this.logger.warn({
        message: 'the ledger cannot be written; the receipt is in the journal',
        executionId: row.execution_id,
        reason: (error as { code?: string }).code,
      });
      return { isJournaled: true, settlement };
    }
  }

  /** The receipt is put aside, for a person, and the execution ends without what is refused. */
  private async takeLesser(
    { key, row, lesser: [settlement, ...lesser], isLesser }: Receipt,
    entry: number,
    refusal: unknown,
  ): Promise<Recorded | null> {
    if (isLesser) this.journal.acknowledge(entry);
    else await this.putAside(entry, row);
    if (settlement === undefined) throw refusedForGood(row, refusal);
    return this.take({
      ...{ key, settlement, lesser, isLesser: true },
      row: settlementRow(key, settlement),
    });
  }

  private async putAside(entry: number, { execution_id: executionId }: SettlementRow) {
    this.logger.error({ message: 'the ledger refuses a receipt, which is put aside', executionId });
    // What cannot be put aside stays in the journal, for whoever adopts it.
    await this.journal.setAside(entry).catch(() => undefined);
  }

  /** How many receipts the ledger has still to be told. */
  get missedCount(): number {
    return this.missed.size;
  }

  /** Which executions they end. */
  get missedIds(): Iterable<string> {
    return Array.from(this.missed.values(), ({ key }) => key.executionId);
  }

  /** Tells the ledger what it missed, or, where it refuses that, what is recorded instead. */
  async replay(): Promise<void> {
    this.timer = null;
    for (const [entry, receipt] of this.missed) {
      try {
        await this.settle(receipt.row, entry);
      } catch (error) {
        if (!isRefusedAlone(error)) break;
        // It may pass later, and must not keep those behind it waiting.
        if (!isFaultOfARow(error)) continue;
        // Nobody is left to be told what becomes of it.
        await this.takeLesser(receipt, entry, error).catch(() => undefined);
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
      throw notRecordedYet(row, cause);
    }
  }

  private append(row: SettlementRow): number | null {
    try {
      return this.journal.append(...toReceipt(row));
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
  private keepInMemory(receipt: Receipt): void {
    if (this.missed.size >= MISSED_MAX) return;
    this.missed.set((this.lastUnkept -= 1), receipt);
    this.replaySoon();
  }

  /** The call may have been paid for, so a ledger that cannot be written is tried again for a while. */
  private async settleOrThrow(receipt: Receipt): Promise<Recorded | null> {
    const { row, settlement } = receipt;
    for (let failures = 0; ; failures += 1) {
      try {
        const isSettled = await this.ledger.settle(row);
        this.recent.keep(row);
        // A try whose answer was lost may have settled it.
        return isSettled || failures > 0 ? { isJournaled: false, settlement } : null;
      } catch (cause) {
        if (isFaultOfARow(cause)) return this.takeLesser(receipt, NO_ENTRY, cause);
        const waitMs = WAITS_MS[failures];
        if (waitMs === undefined) {
          this.keepInMemory(receipt);
          throw notRecordedYet(row, cause);
        }
        await delay(waitMs);
      }
    }
  }
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
