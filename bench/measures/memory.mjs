import { setTimeout as delay } from 'node:timers/promises';
import { ask } from '../support/owned-process.mjs';
import { residentMegabytes } from '../support/process-facts.mjs';
import { figure, printTable } from '../support/table.mjs';

const SETTLE_MS = 1_500;
const EXECUTIONS = 1_000;

/** Resident memory of the server process, without its PostgreSQL, beside a bare node:http server. */
export async function measureMemory(server, client, upstream, target) {
  await delay(SETTLE_MS);
  const idle = [residentMegabytes(server.pid), residentMegabytes(upstream.pid)];
  const { failed } = await ask(client, { ...target.through, concurrency: 16, count: EXECUTIONS });
  await delay(SETTLE_MS);
  const used = [residentMegabytes(server.pid), residentMegabytes(upstream.pid)];
  printTable(
    'Memory: resident set of the server process, PostgreSQL apart',
    ['', 'Keyrun', 'target', 'bare node:http server'],
    [
      ['idle after the start', figure(idle[0], ' MB'), '≤ 200 MB', figure(idle[1], ' MB')],
      [`after ${EXECUTIONS} executions`, figure(used[0], ' MB'), '', figure(used[1], ' MB')],
    ],
  );
  return failed;
}
