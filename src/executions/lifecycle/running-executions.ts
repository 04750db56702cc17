import { Injectable } from '@nestjs/common';

/** Why a run is ended from outside. */
export type EndReason = 'cancelled' | 'shutdown';

/** One execution that this server runs now. */
export interface Run {
  /** Aborts its provider call and every wait. */
  readonly signal: AbortSignal;
  /** Why it was aborted; null: it was not. */
  readonly endReason: EndReason | null;
}

interface Entry {
  readonly controller: AbortController;
  reason: EndReason | null;
  readonly ended: Promise<void>;
}

/** The executions that this server runs now, whether or not a client still waits for them. */
@Injectable()
export class RunningExecutions {
  private readonly entries = new Map<string, Entry>();

  get count(): number {
    return this.entries.size;
  }

  has(executionId: string): boolean {
    return this.entries.has(executionId);
  }

  /** Runs the work under the id: from now until it has ended it can be ended from outside. */
  async run<T>(executionId: string, work: (run: Run) => Promise<T>): Promise<T> {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const entry: Entry = { controller: new AbortController(), reason: null, ended };
    this.entries.set(executionId, entry);
    try {
      return await work({
        signal: entry.controller.signal,
        get endReason() {
          return entry.reason;
        },
      });
    } finally {
      this.entries.delete(executionId);
      end();
    }
  }

  /** @returns whether it runs here. Cancelling twice is cancelling once. */
  cancel(executionId: string): boolean {
    return this.end(executionId, 'cancelled');
  }

  /** Resolves when the execution does not run here any more. */
  async ended(executionId: string): Promise<void> {
    await this.entries.get(executionId)?.ended;
  }

  /** Resolves when nothing runs any more, those included that are begun meanwhile. */
  async allEnded(): Promise<void> {
    while (this.entries.size > 0) {
      await Promise.all([...this.entries.values()].map((entry) => entry.ended));
    }
  }

  /** Ends everything that runs. */
  endAll(reason: EndReason): void {
    for (const executionId of this.entries.keys()) this.end(executionId, reason);
  }

  private end(executionId: string, reason: EndReason): boolean {
    const entry = this.entries.get(executionId);
    if (entry === undefined) return false;
    entry.reason ??= reason;
    entry.controller.abort();
    return true;
  }
}
