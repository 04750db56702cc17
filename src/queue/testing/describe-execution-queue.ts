import { v7 as uuidv7 } from 'uuid';
import type { WakeUp } from '../execution-queue';
import { Gate, QueueBench, type QueueStore } from './queue-bench';

/**
 * The contract of a queue in executable form.
 * @param openStore - opens a store that holds nothing yet.
 */
export function describeExecutionQueue(name: string, openStore: () => Promise<QueueStore>): void {
  describe(`${name} keeps the contract of ExecutionQueue`, () => {
    let bench: QueueBench;

    beforeAll(async () => {
      bench = new QueueBench(await openStore());
    });
    afterEach(async () => {
      await bench.closeNodes();
    });
    afterAll(async () => {
      await bench.store.close();
    });

    describeDelivery(() => bench);
    describeSharing(() => bench);
    describeStops(() => bench);
  });
}

/** A wake-up that nobody enqueued before. */
function wakeUp(): WakeUp {
  return { executionId: uuidv7(), workspaceId: uuidv7() };
}

function many(count: number): WakeUp[] {
  return Array.from({ length: count }, wakeUp);
}

function describeDelivery(bench: () => QueueBench): void {
  it('delivers what was committed, once, and nothing but the ids', async () => {
    const node = await bench().node(1);
    const wanted = wakeUp();
    await bench().enqueue({ ...wanted, secret: 'not carried' } as WakeUp);
    await node.received(1);
    await bench().drain(node);
    expect(node.wakeUps.filter(({ executionId }) => executionId === wanted.executionId)).toEqual([
      wanted,
    ]);
  });

  it('never delivers what was rolled back', async () => {
    const node = await bench().node(2);
    const refused = bench().store.dataSource.transaction(async (manager) => {
      await node.queue.enqueue(manager, wakeUp());
      throw new Error('rolled back');
    });
    await expect(refused).rejects.toThrow('rolled back');
    const last = await bench().drain(node);
    expect(node.ids).toEqual([last]);
  });

  it('delivers nothing of a transaction that is still open', async () => {
    const node = await bench().node(2);
    const late = wakeUp();
    await bench().store.dataSource.transaction(async (manager) => {
      await node.queue.enqueue(manager, late);
      await bench().drain(node);
      expect(node.ids).not.toContain(late.executionId);
    });
    await node.received(2);
    expect(node.ids).toContain(late.executionId);
  });

  it('refuses to enqueue outside of a transaction', async () => {
    const { queue } = await bench().node(1);
    const { manager } = bench().store.dataSource;
    await expect(queue.enqueue(manager, wakeUp())).rejects.toThrow('needs a transaction');
  });

  it('delivers later what is to start later', async () => {
    const node = await bench().node(2);
    const deferred = wakeUp();
    const enqueuedAt = performance.now();
    await bench().enqueue(deferred, 1_200);
    const last = await bench().drain(node);
    expect(node.ids).toEqual([last]);
    await node.received(2);
    expect(node.ids).toEqual([last, deferred.executionId]);
    expect(performance.now() - enqueuedAt).toBeGreaterThan(1_190);
  });

  it('queues an execution that waits already no second time, and again once it was taken', async () => {
    const twice = wakeUp();
    await bench().enqueue(twice);
    await bench().enqueue(twice);
    const node = await bench().node(2);
    await bench().drain(node);
    expect(node.ids.filter((id) => id === twice.executionId)).toHaveLength(1);
    await bench().enqueue(twice);
    await node.received(3);
    expect(node.ids.filter((id) => id === twice.executionId)).toHaveLength(2);
  });

  it('goes on after a handler that rejects, and does not repeat it', async () => {
    const failing = wakeUp();
    const node = await bench().node(1, ({ executionId }) =>
      executionId === failing.executionId ? Promise.reject(new Error('broken')) : undefined,
    );
    await bench().enqueue(failing);
    await bench().drain(node);
    expect(node.ids.filter((id) => id === failing.executionId)).toHaveLength(1);
  });
}

function describeSharing(bench: () => QueueBench): void {
  it('hands each of many wake-ups to one of two nodes', async () => {
    const wakeUps = many(60);
    for (const one of wakeUps) await bench().enqueue(one);
    const one = await bench().node(3);
    const other = await bench().node(3);
    const all = () => [...one.ids, ...other.ids];
    const isDone = () => all().length >= wakeUps.length;
    await Promise.race([one.until(isDone), other.until(isDone)]);
    await one.queue.stopFetching();
    await bench().drain(other);
    const ids = all();
    for (const { executionId } of wakeUps) {
      expect(ids.filter((id) => id === executionId)).toHaveLength(1);
    }
  });

  it('gives every workspace a turn, however many of another wait', async () => {
    const crowd = uuidv7();
    const ofCrowd = many(12).map((one) => ({ ...one, workspaceId: crowd }));
    const [second, third] = [wakeUp(), wakeUp()];
    for (const one of ofCrowd) await bench().enqueue(one);
    const steps = Array.from({ length: 20 }, () => new Gate());
    let taken = 0;
    const node = await bench().node(1, () => steps[taken++]?.opened);
    await node.received(1);
    for (const one of [second, third]) await bench().enqueue(one);
    for (const [index, step] of steps.slice(0, 3).entries()) {
      step.open();
      await node.received(index + 2);
    }
    for (const step of steps) step.open();
    const turns = node.wakeUps.slice(0, 4).map(({ workspaceId }) => workspaceId);
    expect(turns).toEqual([crowd, second.workspaceId, third.workspaceId, crowd]);
    await node.received(14);
  });

  it('takes no more than the free places of a node and leaves the rest to others', async () => {
    const wakeUps = many(10);
    for (const one of wakeUps) await bench().enqueue(one);
    const small = await bench().busyNode(3);
    await small.received(3);
    const large = await bench().busyNode(7);
    await large.received(7);
    expect([small.ids.length, large.ids.length]).toEqual([3, 7]);
    const next = wakeUp();
    await bench().enqueue(next);
    small.release();
    await small.received(4);
    expect(small.ids[3]).toBe(next.executionId);
    expect(large.ids).toHaveLength(7);
  });
}

function describeStops(bench: () => QueueBench): void {
  it('takes nothing more once stopped, and does not wait for the handlers', async () => {
    const stopped = await bench().busyNode(2);
    const first = wakeUp();
    await bench().enqueue(first);
    await stopped.received(1);
    await stopped.queue.stopFetching();
    const other = await bench().node(1);
    const second = wakeUp();
    await bench().enqueue(second);
    await other.received(1);
    expect([stopped.ids, other.ids]).toEqual([[first.executionId], [second.executionId]]);
    stopped.release();
    await stopped.queue.close();
  });

  it('does not run again what a node was handling when it died', async () => {
    const dying = await bench().busyNode(1);
    const lost = wakeUp();
    await bench().enqueue(lost);
    await dying.received(1);
    await dying.queue.close();
    const survivor = await bench().node(1);
    await bench().store.passTime();
    await bench().drain(survivor);
    expect(survivor.ids).not.toContain(lost.executionId);
  });

  it('lets go of everything however often it is closed', async () => {
    const { queue } = await bench().node(1);
    await Promise.all([queue.close(), queue.close()]);
    await queue.close();
  });

  it('works again after the database went away under it', async () => {
    const node = await bench().node(2);
    const before = wakeUp();
    await bench().enqueue(before);
    await node.received(1);
    await bench().store.restart();
    const after = wakeUp();
    await bench().enqueue(after);
    await node.received(2);
    expect(node.ids).toEqual([before.executionId, after.executionId]);
  });
}
