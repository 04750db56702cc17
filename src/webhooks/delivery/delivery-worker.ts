import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { AppError } from '../../common';
import { CryptoRefused } from '../../crypto';
import { WebhookSecrets } from '../webhook-secrets';
import type { DeliveryOutcome } from './delivery-outcome';
import { type ClaimedDelivery, DeliveryQueue, type DeliveryVerdict } from './delivery-queue';
import { nextWaitMs } from './retry-schedule';
import { WebhookSender } from './webhook-sender';

const POLL_INTERVAL_MS = 1_000;
const FORGET_INTERVAL_MS = 3_600_000;
/** Attempts of this node at one time. */
const CONCURRENT = 32;
/** How long attempts under way may still take when the server stops. */
const STOP_GRACE_MS = 5_000;

/**
 * Delivers what is due, on every node. At least once: a node that dies after the receiver accepted leaves its lease to
 * run out, and another repeats with the same `webhook-id`.
 */
@Injectable()
export class DeliveryWorker
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown
{
  private readonly logger = new Logger(DeliveryWorker.name);
  private readonly underWay = new Set<Promise<void>>();
  private readonly stop = new AbortController();
  private readonly timers: NodeJS.Timeout[] = [];
  private filling: Promise<number> | null = null;
  private isStopping = false;
  private isFailing = false;

  constructor(
    private readonly queue: DeliveryQueue,
    private readonly secrets: WebhookSecrets,
    private readonly sender: WebhookSender,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.push(
      setInterval(() => void this.fill(), POLL_INTERVAL_MS).unref(),
      setInterval(() => void this.forget(), FORGET_INTERVAL_MS).unref(),
    );
  }

  onModuleDestroy(): void {
    this.isStopping = true;
    for (const timer of this.timers) clearInterval(timer);
  }

  /** What does not end in time is cut off; another node, or the next start, repeats it. */
  async beforeApplicationShutdown(): Promise<void> {
    const timer = setTimeout(() => {
      this.stop.abort();
    }, STOP_GRACE_MS);
    await this.filling;
    await Promise.all(this.underWay);
    clearTimeout(timer);
  }

  /** Delivers everything that is due now, and resolves when it is done. */
  async deliverDue(): Promise<void> {
    let isBusy: boolean;
    do {
      const begun = await this.fill();
      isBusy = begun > 0 || this.underWay.size > 0;
      await Promise.all(this.underWay);
    } while (isBusy);
  }

  /** @returns how many attempts were begun. One look at a time: the next one follows the end of any attempt. */
  private fill(): Promise<number> {
    this.filling ??= this.begin().finally(() => {
      this.filling = null;
    });
    return this.filling;
  }

  private async begin(): Promise<number> {
    const places = CONCURRENT - this.underWay.size;
    if (this.isStopping || places <= 0) return 0;
    const claimed = await this.claim(places);
    for (const delivery of claimed) {
      const attempt = this.deliver(delivery).finally(() => {
        this.underWay.delete(attempt);
        void this.fill();
      });
      this.underWay.add(attempt);
    }
    return claimed.length;
  }

  private async claim(places: number): Promise<ClaimedDelivery[]> {
    try {
      const claimed = await this.queue.claim(places);
      this.isFailing = false;
      return claimed;
    } catch {
      if (!this.isFailing) this.logger.warn('webhook deliveries cannot be read; tried again');
      this.isFailing = true;
      return [];
    }
  }

  private async deliver(delivery: ClaimedDelivery): Promise<void> {
    try {
      const outcome = await this.attempt(delivery);
      if (outcome !== null)
        await this.queue.finish(delivery, outcome, this.judge(delivery, outcome));
    } catch {
      const { id: deliveryId } = delivery;
      this.logger.warn({ message: 'a webhook attempt could not be recorded', deliveryId });
    }
  }

  /** Null: the webhook was deleted, and the delivery with it. */
  private async attempt(delivery: ClaimedDelivery): Promise<DeliveryOutcome | null> {
    const { id, webhookId, workspaceId, url, event: type, occurredAt, data } = delivery;
    try {
      const secrets = await this.secrets.open({ id: webhookId, workspaceId });
      if (secrets.length === 0) return null;
      const message = { id, type, occurredAt, data };
      return await this.sender.send(url, message, secrets, this.stop.signal);
    } catch (error) {
      if (!(error instanceof CryptoRefused) && !(error instanceof AppError)) throw error;
      this.logger.error({ message: 'a webhook secret cannot be opened', webhookId });
      return { errorCategory: 'secret_unreadable', responseStatus: null, latencyMs: 0 };
    }
  }

  private judge(delivery: ClaimedDelivery, outcome: DeliveryOutcome): DeliveryVerdict {
    const { errorCategory, retryAfterMs } = outcome;
    if (errorCategory === null) return { verdict: 'delivered' };
    if (errorCategory === 'interrupted') return { verdict: 'release' };
    const waitMs =
      errorCategory === 'gone'
        ? null
        : nextWaitMs(delivery.failures + 1, retryAfterMs, Math.random());
    if (waitMs !== null) return { verdict: 'retry', waitMs };
    const { id: deliveryId, webhookId } = delivery;
    this.logger.warn({
      message: 'a webhook event is given up',
      deliveryId,
      webhookId,
      errorCategory,
    });
    return { verdict: 'failed' };
  }

  private async forget(): Promise<void> {
    try {
      await this.queue.forget();
    } catch {
      this.logger.warn('old webhook deliveries could not be deleted; the next try is in an hour');
    }
  }
}
