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
  readonly workspaceId: string;
  readonly controller: AbortController;
  reason: EndReason | null;
  readonly ended: Promise<void>;
}

/** The executions that this server runs now, whether or not a client still waits for them. */
@Injectable()
export class RunningExecutions {
  private readonly entries = new Map<string, Entry>();
  /** Each resolves when its start is over, however that went. */
  private readonly starting = new Set<Promise<unknown>>();
  /** Why everything is ended, what comes later included; null: it is not. */
  private allEndFor: EndReason | null = null;

  get count(): number {
    return this.entries.size;
  }

  get ids(): Iterable<string> {
    return this.entries.keys();
  }

  has(executionId: string): boolean {
    return this.entries.has(executionId);
  }

  /** Each workspace once. */
  get workspaceIds(): string[] {
    return [...new Set([...this.entries.values()].map(({ workspaceId }) => workspaceId))];
  }

  /**
   * Does what may lead to a {@link run}. Until it is over not everything has ended: what it has committed may be about
   * to be sent.
   */
  async whileStarting<T>(start: () => Promise<T>): Promise<T> {
    const work = start();
    const over = work.catch(() => undefined);
    this.starting.add(over);
    try {
      return await work;
    } finally {
      this.starting.delete(over);
    }
  }

  /** Runs the work under the id: from now until it has ended it can be ended from outside. */
  async run<T>(
    { id, workspaceId }: { readonly id: string; readonly workspaceId: string },
    work: (run: Run) => Promise<T>,
  ): Promise<T> {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const controller = new AbortController();
    const entry: Entry = { workspaceId, controller, reason: null, ended };
    this.entries.set(id, entry);
    if (this.allEndFor !== null) this.end(id, this.allEndFor);
    try {
      return await work({
        signal: controller.signal,
        get endReason() {
          return entry.reason;
        },
      });
    } finally {
      this.entries.delete(id);
      end();
    }
  }

  /** @returns whether it runs here. Cancelling twice is cancelling once. */
  cancel(executionId: string): boolean {
    return this.end(executionId, 'cancelled');
  }

  /** @returns how many run here. */
  cancelAllOf(workspaceId: string): number {
    const ids = [...this.entries].filter(([, entry]) => entry.workspaceId === workspaceId);
    return ids.filter(([executionId]) => this.cancel(executionId)).length;
  }

  /** Resolves when the execution does not run here any more. */
  async ended(executionId: string): Promise<void> {
    await this.entries.get(executionId)?.ended;
  }

  /** Resolves when nothing runs or starts any more, those included that are begun meanwhile. */
  async allEnded(): Promise<void> {
    while (this.entries.size > 0 || this.starting.size > 0) {
      const running = [...this.entries.values()].map((entry) => entry.ended);
      await Promise.all([...running, ...this.starting]);
    }
  }

  /** Ends everything that runs, and whatever is still begun. */
  endAll(reason: EndReason): void {
    this.allEndFor = reason;
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
