import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { ExecutionQueue, WakeUp } from '../execution-queue';

/** What a spec gives of the queue that it tests. */
export interface QueueStore {
  /** Whose transactions enqueue. */
  readonly dataSource: DataSource;
  /** One more node on the same store. */
  openQueue(): Promise<ExecutionQueue>;
  /** Does what the queue does by itself after some minutes. */
  passTime(): Promise<void>;
  /** Takes the database away under the nodes, and resolves when it is there again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

type Work = (wakeUp: WakeUp) => Promise<void> | undefined;

/** What one side waits for until the other one opens it. */
export class Gate {
  open: () => void;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** A node that works, and what it was woken up for. */
export class WorkingNode {
  readonly wakeUps: WakeUp[] = [];
  /** Ends the handlers that are under way on a busy node, and does not hold later ones up. */
  release: () => void = () => undefined;
  private readonly watchers = new Set<() => void>();

  constructor(readonly queue: ExecutionQueue) {}

  get ids(): string[] {
    return this.wakeUps.map(({ executionId }) => executionId);
  }

  note(wakeUp: WakeUp): void {
    this.wakeUps.push(wakeUp);
    for (const look of this.watchers) look();
  }

  /** Resolves once it was woken up so many times. */
  received(count: number): Promise<void> {
    return this.until(() => this.wakeUps.length >= count);
  }

  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isTrue()) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }
}

/** Nodes on one store, and what tests of a queue do with them. */
export class QueueBench {
  private nodes: WorkingNode[] = [];

  constructor(readonly store: QueueStore) {}

  async node(concurrency: number, work: Work = () => undefined): Promise<WorkingNode> {
    const node = new WorkingNode(await this.store.openQueue());
    this.nodes.push(node);
    const handler = async (wakeUp: WakeUp) => {
      node.note(wakeUp);
      await work(wakeUp);
    };
    await node.queue.work(handler, { concurrency });
    return node;
  }

  /** A node whose handlers do not end before it is released. */
  async busyNode(concurrency: number): Promise<WorkingNode> {
    const gate = new Gate();
    const node = await this.node(concurrency, () => gate.opened);
    node.release = gate.open;
    return node;
  }

  /** In a transaction of its own; again if the database is not there yet. */
  async enqueue(wakeUp: WakeUp, startAfterMs?: number): Promise<void> {
    const sender = this.nodes[0]?.queue ?? (await this.sender());
    for (let trial = 1; ; trial += 1) {
      try {
        await this.store.dataSource.transaction((manager) =>
          sender.enqueue(manager, wakeUp, { startAfterMs }),
        );
        return;
      } catch (error) {
        if (trial === 20) throw error;
      }
    }
  }

  /** Resolves when the node, the only one that works, has begun everything that was ready before. */
  async drain(node: WorkingNode): Promise<string> {
    const last = { executionId: uuidv7(), workspaceId: uuidv7() };
    await this.enqueue(last);
    await node.until(() => node.ids.includes(last.executionId));
    return last.executionId;
  }

  async closeNodes(): Promise<void> {
    for (const node of this.nodes.splice(0)) {
      node.release();
      await node.queue.close();
    }
  }

  /** A node that only enqueues. */
  private async sender(): Promise<ExecutionQueue> {
    const node = new WorkingNode(await this.store.openQueue());
    this.nodes.push(node);
    return node.queue;
  }
}
