import { ProgressWatch } from '../../src/common';

/** What the pool says to whoever it refuses a connection. */
export const REFUSED = 'timeout exceeded when trying to connect';

/** A watch whose ticks a test makes. */
export class SteppedWatch {
  readonly watch: ProgressWatch;
  #tick: () => void = () => undefined;

  /** @param stalledTicks - without progress, after which nobody is kept waiting. */
  constructor(stalledTicks: number) {
    this.watch = new ProgressWatch(stalledTicks, (onTick) => {
      this.#tick = onTick;
      return setTimeout(() => undefined, 0);
    });
  }

  tick(count: number): void {
    for (let index = 0; index < count; index += 1) this.#tick();
  }
}

/** What has become of a request so far: `waits`, `served`, or the message of its error. */
export function outcomeOf(answer: Promise<unknown>): { outcome: string } {
  const seen = { outcome: 'waits' };
  answer.then(
    () => (seen.outcome = 'served'),
    (error: unknown) => (seen.outcome = (error as Error).message),
  );
  return seen;
}

/** Lets what has happened be told. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
