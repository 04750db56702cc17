import { Doorbell } from './doorbell';
import type { WakeUp, WakeUpHandler } from './execution-queue';

/** How long an idle node goes without looking when nothing rings: what a deferred wake-up may be late. */
const POLL_MS = 1_000;

/** Where wake-ups come from, and who hears of failures. */
export interface WakeUpSource {
  /** Takes as many as there are, at most `limit`; nobody else gets them. */
  take(limit: number): Promise<readonly WakeUp[]>;
  /** Gives back what was taken and not begun. */
  giveBack(wakeUps: readonly WakeUp[]): Promise<void>;
  handlerFailed(wakeUp: WakeUp, error: unknown): void;
  takingFailed(error: unknown): void;
}

/**
 * Takes as many wake-ups as there are free places, so that none waits here while another node is idle, and
 * looks again as soon as a place is free, the bell rings or a second is over.
 */
export class WakeUpLoop {
  private running = 0;
  private isStopping = false;
  private readonly bell = new Doorbell();
  private readonly ended: Promise<void>;

  constructor(
    private readonly source: WakeUpSource,
    private readonly handler: WakeUpHandler,
    private readonly concurrency: number,
  ) {
    this.ended = this.run();
  }

  /** There may be something to take. */
  ring(): void {
    this.bell.ring();
  }

  /** Begins nothing more. Waits for the statement that takes, not for handlers. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.bell.ring();
    await this.ended;
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      const free = this.concurrency - this.running;
      const isAnyLeft = free > 0 && (await this.takeUpTo(free)) === free;
      if (!isAnyLeft || this.running >= this.concurrency) await this.bell.wait(POLL_MS);
    }
  }

  /** @returns how many were begun. */
  private async takeUpTo(limit: number): Promise<number> {
    try {
      const wakeUps = await this.source.take(limit);
      if (this.isStopping) await this.source.giveBack(wakeUps);
      else for (const wakeUp of wakeUps) void this.handle(wakeUp);
      return wakeUps.length;
    } catch (error) {
      this.source.takingFailed(error);
      return 0;
    }
  }

  private async handle(wakeUp: WakeUp): Promise<void> {
    this.running += 1;
    try {
      await this.handler(wakeUp);
    } catch (error) {
      this.source.handlerFailed(wakeUp, error);
    } finally {
      this.running -= 1;
      this.bell.ring();
    }
  }
}
