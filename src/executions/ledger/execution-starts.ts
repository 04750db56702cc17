import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { notSent } from './attempt-outcome';
import { ExecutionLedger, type StartedRow } from './execution-ledger';
import { isUnheard, NOTHING_SENT } from './ledger-errors';
import {
  type ExecutionStart,
  settlementRow,
  type SettlementRow,
  type StartAssumptions,
} from './ledger-rows';

const INTERVAL_MS = 500;
/** Longer than a statement may take: what has not committed by then never will. */
const COMMITTED_WITHIN_MS = 35_000;
const UNHEARD_MAX = 10_000;
const UNHEARD = { ...notSent('ledger_unavailable'), message: NOTHING_SENT };

interface Unheard {
  readonly start: ExecutionStart;
  readonly surelyAtMs: number;
}

/**
 * Commits the starts of executions, and ends those that this server may have started without knowing it: the ledger's
 * answer was lost with the connection. Nothing was sent and the client was told so, but if the start has committed the execution
 * is `running`, on a server that lives, so nobody else would ever end it. One that may be in the queue is withdrawn
 * from it, so that it does not run after its client gave it up.
 */
@Injectable()
export class ExecutionStarts implements OnModuleDestroy {
  private readonly logger = new Logger(ExecutionStarts.name);
  private readonly unheard = new Map<string, Unheard>();
  private readonly onTheWay = new Set<string>();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly ledger: ExecutionLedger) {}

  /**
   * Commits the start, and ends it later if its answer gets lost.
   * @throws {AppError} as {@link ExecutionLedger.start}.
   */
  async start(start: ExecutionStart, assumed: StartAssumptions): Promise<StartedRow> {
    this.onTheWay.add(start.id);
    try {
      return await this.ledger.start(start, assumed);
    } catch (error) {
      if (isUnheard(error)) this.note(start);
      throw error;
    } finally {
      this.onTheWay.delete(start.id);
    }
  }

  /** What may have started without an answer, for now or for good. */
  get ids(): Iterable<string> {
    return [...this.onTheWay, ...this.unheard.keys()];
  }

  /** It may have been started. */
  note(start: ExecutionStart): void {
    if (this.unheard.size >= UNHEARD_MAX) return;
    const surelyAtMs = performance.now() + COMMITTED_WITHIN_MS;
    this.unheard.set(start.id, { start: { ...start, request: null }, surelyAtMs });
    this.schedule();
  }

  /** Whether it is to be ended, so that this server must not run it. */
  has(executionId: string): boolean {
    return this.unheard.has(executionId);
  }

  onModuleDestroy(): void {
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => void this.settleAll(), INTERVAL_MS).unref();
  }

  private async settleAll(): Promise<void> {
    await Promise.all([...this.unheard].map(([id, unheard]) => this.settle(id, unheard)));
    this.timer = null;
    if (this.unheard.size > 0) this.schedule();
  }

  private async settle(executionId: string, { start, surelyAtMs }: Unheard): Promise<void> {
    const askedAtMs = performance.now();
    try {
      const isEnded = await this.end(start);
      if (!isEnded && askedAtMs < surelyAtMs) return;
      if (isEnded) await this.ledger.releaseKey(start.workspaceId, executionId);
      this.unheard.delete(executionId);
      if (!isEnded) return;
      this.logger.warn({ message: 'an execution was started unheard; it is ended', executionId });
    } catch {
      // Asked again.
    }
  }

  private end(start: ExecutionStart): Promise<boolean> {
    return start.mode === 'async'
      ? this.ledger.endQueued(start, UNHEARD)
      : this.ledger.settle(neverSent(start));
  }
}

function neverSent({ id: executionId, workspaceId }: ExecutionStart): SettlementRow {
  const nothing = { usage: null, costNanoUsd: null };
  return settlementRow(
    { executionId, workspaceId, attemptNumber: 1, fence: 1 },
    {
      ...{ status: 'failed', error: UNHEARD, finishReason: null, output: null, sealedOutput: null },
      ...{ totals: nothing, completedAt: new Date(), latencyMs: 0, timeToFirstTokenMs: null },
      outcome: {
        ...nothing,
        ...{ errorCategory: UNHEARD.category, billed: 'no', model: null, price: null },
        ...{ upstreamStatus: null, upstreamCode: null, providerRequestId: null },
        ...{ latencyMs: 0, waitMs: null },
      },
    },
  );
}
