import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { APPEND_AUDIT_EVENTS } from './append-audit-events';
import { type AuditEvent, stampAuditEvent, type StampedAuditEvent } from './audit-event';

const FLUSH_INTERVAL_MS = 1_000;
const BATCH_SIZE = 500;
/** Events kept while the database does not answer. */
const CAPACITY = 10_000;

/** Events of one chain that are gone, and the time of the first and the last of them. */
interface Loss {
  readonly lost: number;
  readonly from: string;
  readonly to: string;
}

/**
 * Events of the hot path: recorded in memory, appended once a second or 500 at a time by one statement for all
 * workspaces. A crash loses at most the last second; what a key was used for is also in the ledger, which is
 * written before each call. What has to be dropped is counted, logged and recorded as `audit.gap`.
 */
@Injectable()
export class AuditBuffer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(AuditBuffer.name);
  private pending: StampedAuditEvent[] = [];
  private losses = new Map<string | null, Loss>();
  private flushing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;
  private isFailing = false;

  constructor(private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.flush(), FLUSH_INTERVAL_MS).unref();
  }

  /** Runs after the last request ended. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.flushing;
    await this.flush();
    for (const event of this.pending) this.countLoss(event);
    this.logLosses(this.losses);
  }

  /** Never waits and never throws. */
  record(event: AuditEvent): void {
    this.pending.push(stampAuditEvent(event));
    this.dropOldest();
    if (this.pending.length >= BATCH_SIZE && !this.isFailing) void this.flush();
  }

  /** Appends everything that is pending, unless the database does not answer. */
  flush(): Promise<void> {
    this.flushing ??= this.appendPending().finally(() => {
      this.flushing = null;
    });
    return this.flushing;
  }

  private async appendPending(): Promise<void> {
    while (this.pending.length > 0 || this.losses.size > 0) {
      const { losses } = this;
      this.losses = new Map();
      const batch = [...this.pending.splice(0, BATCH_SIZE), ...[...losses].map(toGap)];
      const unsent = await this.append(batch);
      this.noteState(unsent.length > 0);
      if (unsent.length > 0) {
        this.putBack(unsent);
        return;
      }
      this.logLosses(losses);
    }
  }

  private putBack(unsent: readonly StampedAuditEvent[]): void {
    this.pending.unshift(...unsent.filter((event) => event.action !== 'audit.gap'));
    // A gap takes no place of an event: it may grow until it can be told.
    for (const gap of unsent) if (gap.action === 'audit.gap') this.countLoss(gap);
    this.dropOldest();
  }

  /** @returns the events to try again later. */
  private async append(batch: readonly StampedAuditEvent[]): Promise<readonly StampedAuditEvent[]> {
    try {
      await this.dataSource.query(APPEND_AUDIT_EVENTS, [JSON.stringify(batch)]);
      return [];
    } catch (error) {
      if (!isRefusal(error)) return batch;
      return batch.length === 1 ? this.giveUp(batch) : this.appendOneByOne(batch);
    }
  }

  /** One event that the database refuses must not hold up the others for ever. */
  private async appendOneByOne(
    batch: readonly StampedAuditEvent[],
  ): Promise<readonly StampedAuditEvent[]> {
    for (const [index, event] of batch.entries()) {
      const unsent = await this.append([event]);
      if (unsent.length > 0) return batch.slice(index);
    }
    return [];
  }

  private giveUp(refused: readonly StampedAuditEvent[]): readonly StampedAuditEvent[] {
    for (const event of refused) {
      this.logger.error({ message: 'an audit event was refused', action: event.action });
      // A gap that is refused has no chain any more that could record it.
      if (event.action !== 'audit.gap') this.countLoss(event);
    }
    return [];
  }

  private dropOldest(): void {
    const excess = this.pending.length - CAPACITY;
    if (excess <= 0) return;
    for (const event of this.pending.splice(0, excess)) this.countLoss(event);
  }

  private countLoss(event: StampedAuditEvent): void {
    const loss = lossOf(event);
    const before = this.losses.get(event.workspace_id);
    this.losses.set(event.workspace_id, before === undefined ? loss : addLosses(before, loss));
  }

  private logLosses(losses: ReadonlyMap<string | null, Loss>): void {
    for (const [workspaceId, { lost }] of losses) {
      this.logger.error({ message: 'audit events are lost', workspaceId, events: lost });
    }
  }

  private noteState(isFailing: boolean): void {
    if (isFailing === this.isFailing) return;
    this.isFailing = isFailing;
    if (isFailing) this.logger.warn('audit events cannot be stored; they are kept and tried again');
    else this.logger.log('audit events can be stored again');
  }
}

/** Nobody's doing, in whosever request it comes to light. */
function toGap([workspaceId, loss]: [string | null, Loss]): StampedAuditEvent {
  const gap = { workspaceId, action: 'audit.gap', subjectId: null, details: { ...loss } } as const;
  return { ...stampAuditEvent(gap), actor: 'server', request_id: null };
}

/** What is lost with the event: itself, or what the gap had counted. */
function lossOf({ action, details, occurred_at: at }: StampedAuditEvent): Loss {
  if (action !== 'audit.gap') return { lost: 1, from: at, to: at };
  return { lost: Number(details.lost), from: String(details.from), to: String(details.to) };
}

function addLosses(one: Loss, other: Loss): Loss {
  return {
    lost: one.lost + other.lost,
    from: one.from < other.from ? one.from : other.from,
    to: one.to > other.to ? one.to : other.to,
  };
}

/** Data exceptions and broken constraints (SQLSTATE classes 22 and 23): another try would end the same. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test((error as { code?: string }).code ?? '');
}
