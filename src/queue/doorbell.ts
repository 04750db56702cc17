/** Wakes one waiter early. A ring while nobody waits is kept for the next wait, however often it rang. */
export class Doorbell {
  private hasRung = false;
  private wake: (() => void) | null = null;

  ring(): void {
    this.hasRung = true;
    this.wake?.();
  }

  /** Resolves at the next ring, at once if it has rung already, or when the time is over. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.hasRung) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.wake = null;
    }
    this.hasRung = false;
  }
}
