import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { Response } from 'express';
import { AppError } from '../../common';
import { StandingAccess, type StandingClaim } from '../../workspaces';
import { AccessCheckInterval } from './access-check-interval';
import { requestIdOf, SseResponse } from './sse-response';

/** Streams and feeds that one token may hold open on one server. */
const READERS_MAX = 50;
const RETRY_AFTER_MS = 10_000;

/**
 * Opens answers that are read for long, ends them when their reader may not read any more, and keeps one token from
 * holding so many that others get none.
 */
@Injectable()
export class OpenReaders implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(OpenReaders.name);
  private readonly counts = new Map<string, number>();
  private readonly claims = new Map<SseResponse, StandingClaim>();
  private timer: NodeJS.Timeout | undefined;
  private isChecking = false;

  constructor(
    private readonly access: StandingAccess,
    private readonly interval: AccessCheckInterval,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.check(), this.interval.milliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** @throws {AppError} `too_many_requests` */
  open(claim: StandingClaim, response: Response): SseResponse {
    const { tokenId } = claim.principal;
    const open = this.counts.get(tokenId) ?? 0;
    if (open >= READERS_MAX) {
      const detail = 'This token holds too many streams open. Close some.';
      throw new AppError('too_many_requests', detail, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.counts.set(tokenId, open + 1);
    const client = this.answer(claim, response);
    client.onceClosed(() => {
      const left = (this.counts.get(tokenId) ?? 1) - 1;
      if (left > 0) this.counts.set(tokenId, left);
      else this.counts.delete(tokenId);
    });
    return client;
  }

  /**
   * The answer to who had the execution run, which is not counted.
   * @param onGone - the client is gone before the end, or may not read it any more.
   */
  answer(claim: StandingClaim, response: Response, onGone?: () => void): SseResponse {
    const client = new SseResponse(response, { requestId: requestIdOf(response), onGone });
    this.claims.set(client, claim);
    client.onceClosed(() => {
      this.claims.delete(client);
    });
    return client;
  }

  /**
   * Ends what its reader may not read any more; by itself every {@link AccessCheckInterval}. While the database is away
   * nothing ends: what could not be asked is asked at the next round.
   */
  private async check(): Promise<void> {
    if (this.isChecking || this.claims.size === 0) return;
    this.isChecking = true;
    try {
      const open = [...this.claims];
      const refusals = await this.access.examine(open.map(([, claim]) => claim));
      for (const [place, [client]] of open.entries()) {
        const refusal = refusals[place] ?? null;
        if (refusal !== null) client.dismiss(refusal);
      }
    } catch (error) {
      const { name } = error as Error;
      this.logger.warn({ message: 'it could not be looked at who may still read', name });
    } finally {
      this.isChecking = false;
    }
  }
}
