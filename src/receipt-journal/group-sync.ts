/**
 * Runs a slow piece of work for many callers at once. A run covers what was there when it began; who comes later waits
 * for the next one, together with all others who came meanwhile.
 */
export class GroupSync {
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(private readonly work: () => Promise<void>) {}

  /** Resolves when a run that began after this call has ended well. */
  run(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#start();
    this.#next = this.#after(this.#running);
    return this.#next;
  }

  async #after(running: Promise<void>): Promise<void> {
    await running.catch(() => undefined);
    this.#next = null;
    await this.#start();
  }

  #start(): Promise<void> {
    const running = this.work().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
