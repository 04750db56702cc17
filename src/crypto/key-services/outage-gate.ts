import type { MonotonicClock } from '../opened-key-cache';
import { type KeyServiceFault, KeyServiceUnavailable } from './key-service-unavailable';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** What hits every call alike. A refusal or a denial may concern one data key only. */
const OUTAGES: ReadonlySet<KeyServiceFault> = new Set([
  'unreachable',
  'timeout',
  'throttled',
  'failed',
  'invalid_answer',
]);

/** Whether the error says that nobody can use the service now. */
export function isOutage(error: unknown): error is KeyServiceUnavailable {
  return error instanceof KeyServiceUnavailable && OUTAGES.has(error.fault);
}

interface Outage {
  readonly fault: KeyServiceFault;
  readonly failures: number;
  readonly pausedUntil: number;
}

/**
 * Keeps calls away from a service that is down: after an outage nobody asks for a moment that doubles up to
 * 5 seconds, then one call tries, while the others still fail at once.
 */
export class OutageGate {
  #outage: Outage | null = null;
  #isTrying = false;

  constructor(
    private readonly now: MonotonicClock,
    private readonly onOutage: (fault: KeyServiceFault) => void,
  ) {}

  /** @throws KeyServiceUnavailable without calling, or whatever the call throws */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    const outage = this.#outage;
    if (outage === null) return this.#observe(call);
    const waitMs = outage.pausedUntil - this.now();
    if (waitMs > 0 || this.#isTrying) {
      throw new KeyServiceUnavailable(outage.fault, Math.max(waitMs, FIRST_PAUSE_MS));
    }
    this.#isTrying = true;
    try {
      return await this.#observe(call);
    } finally {
      this.#isTrying = false;
    }
  }

  async #observe<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.#outage = null;
      return result;
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  #note(error: unknown): void {
    if (!isOutage(error)) {
      this.#outage = null;
      return;
    }
    // Calls that were under way when the outage began tell nothing new.
    if (this.#outage !== null && this.now() < this.#outage.pausedUntil) return;
    const failures = (this.#outage?.failures ?? 0) + 1;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
    this.#outage = { fault: error.fault, failures, pausedUntil: this.now() + pauseMs };
    this.onOutage(error.fault);
  }
}
