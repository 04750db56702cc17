import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ledgerUnavailable } from '../ledger/ledger-errors';
import { RunningExecutions } from './running-executions';
import { ServerIdentity } from './server-identity';

/** How long a server counts as alive after it last said so. With the sweep, an orphan ends within 15 s. */
export const LEASE_MS = 10_000;
const RENEWAL_MS = 1_000;
/** Before the lease runs out nothing new is started, so that nothing is in flight that others take for dead. */
const MARGIN_MS = 2_000;

/**
 * Tells the other servers that this one is alive, by the clock of the database, and learns from them which of its
 * executions it shall cancel.
 */
@Injectable()
export class ServerLease implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(ServerLease.name);
  private timer: NodeJS.Timeout | undefined;
  private renewedAtMs = -Infinity;
  private heldSinceMs = Infinity;
  private isRenewing = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly identity: ServerIdentity,
    private readonly running: RunningExecutions,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.renew();
    this.timer = setInterval(() => void this.renewQuietly(), RENEWAL_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.renewedAtMs = -Infinity;
    await this.dataSource.query('SELECT end_lease($1)', [this.identity.id]).catch(() => undefined);
  }

  /** @throws {AppError} `ledger_unavailable` when others may take this server for dead. */
  assertHeld(): void {
    if (performance.now() - this.renewedAtMs > LEASE_MS - MARGIN_MS) throw ledgerUnavailable();
  }

  /**
   * Whether this server has held its lease, without a gap, for at least the length of one. After an outage of the
   * database every lease has run out at once; the others get this time to come back before they are taken for dead.
   */
  get isEstablished(): boolean {
    const now = performance.now();
    return now - this.heldSinceMs >= LEASE_MS && now - this.renewedAtMs < LEASE_MS - MARGIN_MS;
  }

  private async renewQuietly(): Promise<void> {
    if (this.isRenewing) return;
    this.isRenewing = true;
    try {
      await this.renew();
    } catch {
      this.logger.debug('the lease could not be renewed');
    } finally {
      this.isRenewing = false;
    }
  }

  /** Counted from before the statement: the lease is at least as long as we take it for. */
  private async renew(): Promise<void> {
    const askedAtMs = performance.now();
    const cancelled = await this.dataSource.query<{ executionId: string }[]>(
      'SELECT execution_id AS "executionId" FROM renew_lease($1, $2)',
      [this.identity.id, LEASE_MS],
    );
    if (askedAtMs - this.renewedAtMs > LEASE_MS) this.beginAnew(askedAtMs);
    this.renewedAtMs = Math.max(this.renewedAtMs, askedAtMs);
    for (const { executionId } of cancelled) this.running.cancel(executionId);
  }

  private beginAnew(askedAtMs: number): void {
    this.heldSinceMs = askedAtMs;
    // At its first renewal a server was never absent.
    if (this.renewedAtMs === -Infinity) return;
    this.logger.warn({
      message:
        'this server was absent for longer than its lease; others may have ended its executions',
      absentMs: Math.round(askedAtMs - this.renewedAtMs),
    });
  }
}
