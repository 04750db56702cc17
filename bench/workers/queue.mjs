// Wake-ups of executions: how long an idle node takes to hear of one, and how fast a backlog drains.
import { createRequire } from 'node:module';
import { withOwnDatabase } from '../support/own-database.mjs';
import { quantile } from '../support/statistics.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { v7: uuidv7 } = require('uuid');
const { Secret } = require('../../dist/src/common');
const { openDatabase } = require('../../dist/src/database');
const { PgBossExecutionQueue } = require('../../dist/src/queue/pg-boss-execution-queue.js');

/** Sends, and takes what it sent. */
class Node {
  waiting = new Map();

  static async open(dataSource) {
    const node = new Node();
    node.dataSource = dataSource;
    node.queue = new PgBossExecutionQueue(dataSource);
    await node.queue.onModuleInit();
    return node;
  }

  work(concurrency) {
    const handler = async ({ executionId }) => this.waiting.get(executionId)?.();
    return this.queue.work(handler, { concurrency });
  }

  /** Resolves at the commit; `handled` in it, once the handler was called. */
  async enqueue() {
    const wakeUp = { executionId: uuidv7(), workspaceId: uuidv7() };
    const handled = new Promise((resolve) => this.waiting.set(wakeUp.executionId, resolve));
    await this.dataSource.transaction((manager) => this.queue.enqueue(manager, wakeUp));
    return { handled };
  }
}

async function measureIdle(dataSource, rounds) {
  const node = await Node.open(dataSource);
  const latencies = [];
  try {
    await node.work(10);
    for (let round = 0; round < rounds; round += 1) {
      const begunAt = performance.now();
      await (
        await node.enqueue()
      ).handled;
      latencies.push(performance.now() - begunAt);
    }
  } finally {
    await node.queue.close();
  }
  return { p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95) };
}

async function measureBacklog(dataSource, jobs, concurrency) {
  const node = await Node.open(dataSource);
  const handled = [];
  try {
    const begunAt = performance.now();
    for (let job = 0; job < jobs; job += 1) {
      handled.push((await node.enqueue()).handled);
    }
    const enqueuedAt = performance.now();
    await node.work(concurrency);
    await Promise.all(handled);
    return {
      enqueued: (jobs * 1_000) / (enqueuedAt - begunAt),
      drained: (jobs * 1_000) / (performance.now() - enqueuedAt),
    };
  } finally {
    await node.queue.close();
  }
}

async function measure({ url, rounds, jobs, concurrency }) {
  return withOwnDatabase(url, 'bench_queue', async (own) => {
    const dataSource = await openDatabase(new Secret(own));
    try {
      const idle = await measureIdle(dataSource, rounds);
      return { idle, backlog: await measureBacklog(dataSource, jobs, concurrency) };
    } finally {
      await dataSource.destroy();
    }
  });
}

process.on('message', async (request) => process.send(await measure(request)));
process.once('disconnect', () => process.exit());
