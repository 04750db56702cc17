import { ask, startWorker, stop } from '../support/owned-process.mjs';
import { figure, printTable } from '../support/table.mjs';

const ROUNDS = 100;
const JOBS = 2_000;
const CONCURRENCY = 10;

/** From the enqueuing transaction to the handler of an idle node, and a backlog on one node. */
export async function measureQueue(server) {
  const worker = startWorker('queue');
  try {
    const url = await server.databaseUrl();
    const request = { url, rounds: ROUNDS, jobs: JOBS, concurrency: CONCURRENCY };
    const { idle, backlog } = await ask(worker, request);
    printTable(
      `Queue: wake-ups one at a time (${ROUNDS}), and a backlog of ${JOBS} on ${CONCURRENCY} places`,
      ['enqueue + wake-up p50', 'p95', 'enqueued one by one', 'drained'],
      [
        [
          figure(idle.p50, ' ms'),
          figure(idle.p95, ' ms'),
          figure(backlog.enqueued, '/s'),
          figure(backlog.drained, '/s'),
        ],
      ],
    );
  } finally {
    await stop(worker);
  }
}
