import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppError } from '../../common';
import { Environment } from '../../config';
import type { Principal } from '../access/principal';
import type { Permission } from '../access/roles';
import { addressGroup } from './address-group';

const SWEEP_INTERVAL_MS = 600_000;
/** Blocked addresses that a node remembers, so that a flood of bad tokens does not reach the database. */
const BLOCKED_MAX = 10_000;

/** Whoever tests keys in bulk tests stolen ones; a test of a webhook calls an address of the caller's choice at once. */
const TESTS: Readonly<Partial<Record<Permission, string>>> = {
  'api-keys:test': 'key-tests',
  'webhooks:test': 'webhook-tests',
};

interface Limit {
  readonly bucket: string;
  readonly most: number;
  readonly windowSeconds: number;
}

/**
 * Limits that all nodes share, counted in PostgreSQL. When it is down nothing is allowed: without it nobody
 * could be authenticated either.
 */
@Injectable()
export class RateLimits implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(RateLimits.name);
  private readonly blockedUntilMs = new Map<string, number>();
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly environment: Environment,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => void this.forgetEnded(), SWEEP_INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.sweep);
  }

  /**
   * Counts a request that demands the permission. Running and reading executions is not limited here.
   * @throws {AppError} `too_many_requests`
   */
  async take(demand: Permission, principal: Principal): Promise<void> {
    const limits = this.limitsOf(demand, principal);
    if (limits.length === 0) return;
    const [row] = await this.dataSource.query<{ waitMs: number }[]>(
      'SELECT take_rate_limits($1, $2, $3) AS "waitMs"',
      [
        limits.map(({ bucket }) => bucket),
        limits.map(({ most }) => most),
        limits.map(({ windowSeconds }) => windowSeconds),
      ],
    );
    if (row === undefined || row.waitMs > 0) {
      throw new AppError('too_many_requests', undefined, { retryAfterMs: row?.waitMs });
    }
  }

  /**
   * Counts a token that was refused. Valid tokens are never refused for their address: many people may share
   * one, behind a proxy or an office router, and no guess hits one of 2^178 tokens.
   * @throws {AppError} `too_many_requests` while the address is blocked.
   */
  async noteFailedAuthentication(address: string): Promise<void> {
    const group = addressGroup(address);
    const now = Date.now();
    let waitMs = (this.blockedUntilMs.get(group) ?? 0) - now;
    if (waitMs <= 0) {
      const [row] = await this.dataSource.query<{ waitMs: number }[]>(
        'SELECT note_failed_authentication($1, $2) AS "waitMs"',
        [group, this.environment.failedAuthenticationsPerMinute],
      );
      waitMs = row?.waitMs ?? 0;
      this.remember(group, waitMs > 0 ? now + waitMs : null);
    }
    if (waitMs <= 0) return;
    const detail = 'Too many tokens from your address were refused. Wait for Retry-After.';
    throw new AppError('too_many_requests', detail, { retryAfterMs: waitMs });
  }

  private limitsOf(demand: Permission, principal: Principal): readonly Limit[] {
    if (demand.startsWith('executions:')) return [];
    const { managementRequestsPerMinute, keyTestsPerMinute } = this.environment;
    const ofToken = {
      bucket: `requests:${principal.tokenId}`,
      most: managementRequestsPerMinute,
      windowSeconds: 60,
    };
    const tests = TESTS[demand];
    if (tests === undefined) return [ofToken];
    const bucket = `${tests}:${principal.workspaceId}`;
    return [
      ofToken,
      { bucket: `${bucket}:minute`, most: keyTestsPerMinute, windowSeconds: 60 },
      { bucket: `${bucket}:hour`, most: keyTestsPerMinute * 6, windowSeconds: 3_600 },
    ];
  }

  private remember(group: string, untilMs: number | null): void {
    if (untilMs === null) {
      this.blockedUntilMs.delete(group);
      return;
    }
    if (this.blockedUntilMs.size >= BLOCKED_MAX) this.blockedUntilMs.clear();
    this.blockedUntilMs.set(group, untilMs);
  }

  /** Deletes what has ended; every ten minutes by itself. */
  async forgetEnded(): Promise<void> {
    try {
      await this.dataSource.query('SELECT forget_rate_limits()');
    } catch {
      this.logger.warn('ended rate limits could not be deleted; the next sweep tries again');
    }
  }
}
