import { ask, startWorker, stop } from '../support/owned-process.mjs';
import { medians } from '../support/statistics.mjs';
import { figure, printTable, ratio } from '../support/table.mjs';

const ROUNDS = 3;
const DURATION_MS = 700;
const CONCURRENCIES = [1, 16, 64, 256];

/**
 * Start and settle alone, beside two one-row inserts on as many connections.
 * @returns the version of PostgreSQL.
 */
export async function measureLedger(server) {
  const request = {
    url: await server.databaseUrl(),
    rounds: ROUNDS,
    durationMs: DURATION_MS,
  };
  const worker = startWorker('ledger');
  const rows = [];
  let version;
  try {
    for (const concurrency of CONCURRENCIES) {
      const results = await ask(worker, { ...request, concurrency });
      version = results.version;
      rows.push(toRow(concurrency, medians(results.ledger), medians(results.bare)));
    }
  } finally {
    await stop(worker);
  }
  printTable(
    `Ledger: start and settle alone, 1 kB asked and 1 kB answered, each committed (medians of ${ROUNDS} interleaved rounds of ${DURATION_MS} ms)`,
    [
      'concurrent',
      'executions/s',
      'target',
      'p50',
      'round trips each',
      'target',
      'two bare inserts, pairs/s',
      'p50',
      'ratio of executions/s',
    ],
    rows,
  );
  return version;
}

function toRow(concurrency, ledger, bare) {
  return [
    concurrency,
    figure(ledger.perSecond),
    concurrency < 64 ? '' : '≥ 3000',
    figure(ledger.p50, ' ms'),
    figure(ledger.roundTrips),
    '≤ 2',
    figure(bare.perSecond),
    figure(bare.p50, ' ms'),
    ratio(ledger.perSecond, bare.perSecond),
  ];
}
