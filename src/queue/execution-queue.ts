import type { EntityManager } from 'typeorm';

/** A wake-up for one execution; the ledger is the truth, a lost or doubled wake-up changes nothing. */
export interface WakeUp {
  readonly executionId: string;
  readonly workspaceId: string;
}

/** Called for each wake-up; resolves when the execution has ended or is not to be run. */
export type WakeUpHandler = (wakeUp: WakeUp) => Promise<void>;

/**
 * Tells the nodes which executions wait. At most once: a wake-up that a node took and did not finish, or that
 * got lost on the way, is not repeated, so whoever enqueues looks after executions that wait for too long.
 */
export abstract class ExecutionQueue {
  /**
   * Within the caller's transaction: committed or rolled back with it. An execution that waits in the queue
   * already is not queued a second time; the time of the first wake-up stays.
   * @param options.startAfterMs - not delivered earlier than this; a second later at the most, if a node is free.
   * @throws when the manager has no transaction under way.
   */
  abstract enqueue(
    manager: EntityManager,
    wakeUp: WakeUp,
    options?: { startAfterMs?: number },
  ): Promise<void>;

  /**
   * Starts to work, once; takes no more wake-ups than it can hand on at once. A handler that rejects is logged.
   * @param options.concurrency - handlers under way on this node at the most.
   */
  abstract work(handler: WakeUpHandler, options: { concurrency: number }): Promise<void>;

  /** Takes nothing more. Handlers that are under way go on; this does not wait for them. */
  abstract stopFetching(): Promise<void>;

  /** Takes nothing more and lets go of the database. Handlers that are under way go on. */
  abstract close(): Promise<void>;
}
