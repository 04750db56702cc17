/** How often it is looked whether something came back. */
export const TICK_MS = 100;

interface Waiter {
  readonly sinceTick: number;
  readonly giveUp: () => void;
}

/**
 * Ends the wait of those who wait for something that goes to nobody any more. It judges by progress and not by how
 * long somebody waits: as long as others get it, a long queue is only long.
 *
 * Time is counted in ticks in which this process ran. While its event loop is blocked, or the machine gives it no
 * time, nothing could have come back either, and that is one tick.
 */
export class ProgressWatch {
  readonly #waiters = new Map<symbol, Waiter>();
  #tick = 0;
  #progressTick = 0;
  #timer: NodeJS.Timeout | null = null;

  /**
   * @param ticksMax - ticks without progress after which a waiter is told, ≥ 1; at most that many times
   * {@link TICK_MS} after it began to wait.
   * @param every - what calls a function at each tick.
   */
  constructor(
    private readonly ticksMax: number,
    private readonly every: (tick: () => void) => NodeJS.Timeout = everyTick,
  ) {}

  /**
   * @param giveUp - called once, when there was no progress since `wait` and for as long as allowed.
   * @returns what ends the wait without it.
   */
  wait(giveUp: () => void): () => void {
    const id = Symbol();
    this.#waiters.set(id, { sinceTick: this.#tick, giveUp });
    this.#timer ??= this.every(() => {
      this.#onTick();
    });
    return () => this.#waiters.delete(id);
  }

  /** Something came back, to whomever. */
  noteProgress(): void {
    this.#progressTick = this.#tick;
  }

  #onTick(): void {
    this.#tick += 1;
    if (this.#waiters.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    // In the order in which they came, so nobody behind one who may wait is to be told.
    for (const [id, { sinceTick, giveUp }] of this.#waiters) {
      if (this.#tick - Math.max(sinceTick, this.#progressTick) < this.ticksMax) return;
      this.#waiters.delete(id);
      giveUp();
    }
  }
}

function everyTick(tick: () => void): NodeJS.Timeout {
  return setInterval(tick, TICK_MS).unref();
}
