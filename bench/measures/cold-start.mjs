import { KeyrunServer, makeDataDirectory, removeDataDirectory } from '../support/keyrun-server.mjs';
import { ask, startWorker, stop } from '../support/owned-process.mjs';
import { median } from '../support/statistics.mjs';
import { figure, printTable, ratio } from '../support/table.mjs';

const ROUNDS = 3;

/** `npm start` to ready, on a new data directory and again, beside the embedded PostgreSQL alone. */
export async function measureColdStart() {
  const times = { first: [], second: [], firstPostgres: [], secondPostgres: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    await inFreshDirectory(async (directory) => {
      times.first.push(await timeServer(directory));
      times.second.push(await timeServer(directory));
    });
    await inFreshDirectory(async (directory) => {
      times.firstPostgres.push(await timePostgres(directory));
      times.secondPostgres.push(await timePostgres(directory));
    });
  }
  const row = (label, own, bare, target) => [
    label,
    figure(median(own), ' ms'),
    target,
    figure(median(bare), ' ms'),
    ratio(median(own), median(bare)),
  ];
  printTable(
    `Cold start: npm start of a built clone until it answers (median of ${ROUNDS})`,
    ['', 'Keyrun', 'target', 'embedded PostgreSQL alone', 'ratio'],
    [
      row('first start, new data', times.first, times.firstPostgres, '≤ 15 s'),
      row('second start', times.second, times.secondPostgres, '≤ 4 s'),
    ],
  );
}

async function inFreshDirectory(work) {
  const directory = await makeDataDirectory();
  try {
    await work(directory);
  } finally {
    await removeDataDirectory(directory);
  }
}

async function timeServer(dataDirectory) {
  const server = await KeyrunServer.start({ dataDirectory, command: ['npm', 'start'] });
  await server.stop();
  return server.readyMs;
}

async function timePostgres(dataDirectory) {
  const startedAt = performance.now();
  const worker = startWorker('postgres-alone');
  await ask(worker, { dataDirectory });
  const milliseconds = performance.now() - startedAt;
  await stop(worker);
  return milliseconds;
}
