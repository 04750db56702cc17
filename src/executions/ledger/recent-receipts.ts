import { Injectable } from '@nestjs/common';
import { fromReceipt, type SettlementRow, toReceipt } from './ledger-rows';

const BYTES_MAX = 16 * 1024 * 1024;
const AGE_MAX_MS = 10 * 60_000;
/** What an entry weighs beside its receipt, about. */
const ENTRY_BYTES = 256;

interface Recent {
  readonly executionId: string;
  /** As the journal writes it: as an object it takes several times as much. */
  readonly receipt: ReturnType<typeof toReceipt>;
  readonly bytes: number;
  readonly settledAtMs: number;
}

/**
 * The receipts that the ledger took last, for a database that turns out to have lost them. Older ones make room for
 * newer ones only, so that an outage, which brings none, costs none: what a standby lacks is what came just before.
 */
@Injectable()
export class RecentReceipts {
  private receipts: Recent[] = [];
  private bytes = 0;

  /** @param nowMs - monotonic milliseconds. */
  keep(row: SettlementRow, nowMs = performance.now()): void {
    const [text, sealedOutput] = toReceipt(row);
    const bytes = ENTRY_BYTES + text.length + (sealedOutput?.length ?? 0);
    if (bytes > BYTES_MAX) return;
    const receipt: Recent['receipt'] = [text, ownCopy(sealedOutput)];
    const { execution_id: executionId } = row;
    this.receipts.push({ executionId, receipt, bytes, settledAtMs: nowMs });
    this.bytes += bytes;
    let outdated = 0;
    while (this.bytes > BYTES_MAX || this.isOld(this.receipts[outdated], nowMs)) {
      this.bytes -= this.receipts[outdated]?.bytes ?? 0;
      outdated += 1;
    }
    if (outdated > 0) this.receipts.splice(0, outdated);
  }

  /** In the order in which they were settled. */
  get all(): readonly SettlementRow[] {
    return this.receipts.map(({ receipt }) => fromReceipt(...receipt));
  }

  /** The latest of the execution; null: none is kept. */
  find(executionId: string): SettlementRow | null {
    const found = this.receipts.findLast((recent) => recent.executionId === executionId);
    return found === undefined ? null : fromReceipt(...found.receipt);
  }

  private isOld(recent: Recent | undefined, nowMs: number): boolean {
    return recent !== undefined && nowMs - recent.settledAtMs > AGE_MAX_MS;
  }
}

/** A short Buffer is a view of a pool many times its size, which would stay with it. */
function ownCopy(bytes: Buffer | null): Buffer | null {
  if (bytes === null || bytes.length === bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
