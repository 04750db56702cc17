import { setTimeout as delay } from 'node:timers/promises';
import { ask, startWorker, stop } from '../support/owned-process.mjs';
import { residentMegabytes } from '../support/process-facts.mjs';
import { figure, printTable } from '../support/table.mjs';
import { prepareTarget, streamed } from './load.mjs';

const ROUNDS = 300;
/** As many as it takes until the code of a request is compiled. */
const WARM_UP = 1_000;
const OPEN = 1_000;
const OPENED_AT_ONCE = 32;
const SETTLE_MS = 1_500;

/** How much later the first piece comes, and what it takes to hold a thousand answers that are not finished. */
export async function measureStreams(server, upstream, host) {
  const client = startWorker('stream-client');
  try {
    await measureFirstPiece(server, client, host);
    return await measureOpen(server, client, upstream, host);
  } finally {
    await stop(client);
  }
}

async function measureFirstPiece(server, client, host) {
  const target = streamed(await prepareTarget(server, host, '/v1'));
  const databaseUrl = await server.databaseUrl();
  const request = { task: 'firstPiece', rounds: ROUNDS, warmUp: WARM_UP, databaseUrl };
  const { through, direct, added, commit } = await ask(client, { ...request, ...target });
  printTable(
    `Streams: from the request to the first piece, one at a time, server warm (${ROUNDS} interleaved with direct calls)`,
    ['', 'through Keyrun', 'direct', 'added', 'target', 'a bare commit of one row'],
    [
      toRow('p50', '≤ 1.5 ms', { through, direct, added, commit }),
      toRow('p95', '', { through, direct, added, commit }),
    ],
  );
}

function toRow(share, goal, times) {
  const { through, direct, added, commit } = times;
  const time = (of) => figure(of[share], ' ms');
  return [share, time(through), time(direct), time(added), goal, time(commit)];
}

async function measureOpen(server, client, upstream, host) {
  const { through: target } = streamed(await prepareTarget(server, host, '/hold/v1'));
  await delay(SETTLE_MS);
  const before = residentMegabytes(server.pid);
  const request = { task: 'openMany', target, count: OPEN, concurrency: OPENED_AT_ONCE };
  const { opened } = await ask(client, request);
  await delay(SETTLE_MS);
  const during = residentMegabytes(server.pid);
  await ask(upstream, { release: true });
  const { failed } = await ask(client, { task: 'finish' });
  await delay(SETTLE_MS);
  printTable(
    'Streams: resident set of the server process while clients hold streams in the middle of an answer',
    ['', 'Keyrun', 'target', 'per stream'],
    [
      ['before', figure(before, ' MB'), '', ''],
      [
        `${opened} open`,
        figure(during, ' MB'),
        '≤ 350 MB',
        figure(((during - before) * 1_000) / opened, ' kB'),
      ],
      ['after their end', figure(residentMegabytes(server.pid), ' MB'), '', ''],
    ],
  );
  return failed;
}
