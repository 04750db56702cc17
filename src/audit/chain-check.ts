import { type AuditHead, type AuditRecord, hashOf, ORIGIN_HASH } from './audit-record';

export const CHAIN_FAULTS = [
  'changed',
  'missing',
  'inserted',
  'head-missing',
  'head-changed',
] as const;

/**
 * What is wrong with the first event that is not as it was appended: it was `changed`, is `missing` or was
 * `inserted`; or what tells where the chain ends is missing or says something else.
 */
export type ChainFault = (typeof CHAIN_FAULTS)[number];

export interface BrokenLink {
  readonly sequence: number;
  readonly reason: ChainFault;
}

/** Checks the events of one chain, handed over in order, then where it ends. */
export class ChainCheck {
  private last: AuditHead = { sequence: 0, hash: ORIGIN_HASH };
  private broken: BrokenLink | null = null;
  private count = 0;

  /**
   * @param workspaceId - whose chain it is to be.
   * @param anchor - an older end of the chain, kept elsewhere: the chain must still pass through it.
   */
  constructor(
    private readonly workspaceId: string | null,
    private readonly anchor: AuditHead | null = null,
  ) {}

  get firstBroken(): BrokenLink | null {
    return this.broken;
  }

  /** Sequence of the last event that was handed over. */
  get position(): number {
    return this.last.sequence;
  }

  /** Events that were handed over. */
  get events(): number {
    return this.count;
  }

  add(record: AuditRecord): void {
    this.count += 1;
    const expected = this.last.sequence + 1;
    if (record.sequence > expected) this.report(expected, 'missing');
    else if (record.sequence < expected) this.report(record.sequence, 'inserted');
    else if (!this.isIntact(record)) this.report(expected, 'changed');
    this.last = { sequence: record.sequence, hash: record.hash };
  }

  /** @param head - where the chain is said to end; null: nothing says so. */
  end(head: AuditHead | null): void {
    const { sequence, hash } = this.last;
    const kept = Math.max(head?.sequence ?? 0, this.anchor?.sequence ?? 0);
    if (head === null) this.report(sequence, 'head-missing');
    else if (kept > sequence) this.report(sequence + 1, 'missing');
    else if (head.sequence < sequence) this.report(head.sequence + 1, 'inserted');
    else if (head.hash !== hash) this.report(sequence, 'head-changed');
  }

  private isIntact(record: AuditRecord): boolean {
    return (
      record.workspaceId === this.workspaceId &&
      record.previousHash === this.last.hash &&
      record.hash === hashOf(record) &&
      (record.sequence !== this.anchor?.sequence || record.hash === this.anchor.hash)
    );
  }

  private report(sequence: number, reason: ChainFault): void {
    this.broken ??= { sequence, reason };
  }
}
