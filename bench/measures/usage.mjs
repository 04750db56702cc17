import { ask, startWorker, stop } from '../support/owned-process.mjs';
import { figure, printTable } from '../support/table.mjs';

const EXECUTIONS = 50_000;
const ROUNDS = 5;

/** A month's report of one workspace that has half of the executions. */
export async function measureUsage(server) {
  const worker = startWorker('usage');
  try {
    const url = await server.databaseUrl();
    const times = await ask(worker, { url, executions: EXECUTIONS, rounds: ROUNDS });
    printTable(
      `Usage report of a month: ${EXECUTIONS / 2} executions, among ${EXECUTIONS} (median of ${ROUNDS})`,
      ['grouped by', 'time'],
      Object.entries(times).map(([groups, time]) => [groups, figure(time, ' ms')]),
    );
  } finally {
    await stop(worker);
  }
}
