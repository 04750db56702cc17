import { ask, startWorker, stop } from '../support/owned-process.mjs';
import { medians } from '../support/statistics.mjs';
import { figure, printTable, ratio } from '../support/table.mjs';

const ROUNDS = 3;
const DURATION_MS = 700;
const CONNECTIONS = [1, 16, 64];

/**
 * Start and settle alone, beside two one-row inserts.
 * @returns the version of PostgreSQL.
 */
export async function measureLedger(server) {
  const request = {
    url: await server.databaseUrl(),
    workspaceId: server.workspaceId,
    rounds: ROUNDS,
    durationMs: DURATION_MS,
  };
  const worker = startWorker('ledger');
  const rows = [];
  let version;
  try {
    for (const connections of CONNECTIONS) {
      const results = await ask(worker, { ...request, connections });
      version = results.version;
      rows.push(toRow(connections, medians(results.ledger), medians(results.bare)));
    }
  } finally {
    await stop(worker);
  }
  printTable(
    `Ledger: start and settle alone, each committed (medians of ${ROUNDS} interleaved rounds of ${DURATION_MS} ms)`,
    ['connections', 'executions/s', 'p50', 'two bare inserts, pairs/s', 'p50', 'ratio of p50'],
    rows,
  );
  return version;
}

function toRow(connections, ledger, bare) {
  return [
    connections,
    figure(ledger.perSecond),
    figure(ledger.p50, ' ms'),
    figure(bare.perSecond),
    figure(bare.p50, ' ms'),
    ratio(ledger.p50, bare.p50),
  ];
}
