// npm run bench: what the promises of speed and memory cost on this machine. Prints; judges nothing.
import { availableParallelism, cpus, totalmem } from 'node:os';
import { buildAll } from '../scripts/build.mjs';
import { measureColdStart } from './measures/cold-start.mjs';
import { measureCrypto } from './measures/crypto.mjs';
import { measureJournal } from './measures/journal.mjs';
import { measureLedger } from './measures/ledger.mjs';
import { measureLoad, prepareTargets } from './measures/load.mjs';
import { measureMemory } from './measures/memory.mjs';
import { measureScrubber } from './measures/scrubber.mjs';
import { measureWalls } from './measures/walls.mjs';
import { measureStreams } from './measures/streams.mjs';
import { measureQueue } from './measures/queue.mjs';
import { measureTransport } from './measures/transport.mjs';
import { measureUsage } from './measures/usage.mjs';
import { measureWebUi } from './measures/web-ui.mjs';
import {
  KeyrunServer,
  makeDataDirectory,
  removeDataDirectories,
  removeDataDirectory,
} from './support/keyrun-server.mjs';
import { ask, startWorker, stopAll, stopForGood } from './support/owned-process.mjs';

const LIMIT_MS = 600_000;

/** Calls `measure` with a server that has done nothing yet, and an upstream for it. */
async function withServer(measure) {
  const upstream = startWorker('upstream');
  const { host } = await ask(upstream);
  const dataDirectory = await makeDataDirectory();
  try {
    const server = await KeyrunServer.start({ dataDirectory, allowedHosts: host });
    await server.connect();
    const failed = await measure({ server, upstream, host });
    if (failed > 0) throw new Error(`${failed} requests were not answered as they must be`);
  } finally {
    await stopAll();
    await removeDataDirectory(dataDirectory);
  }
}

async function measureServer({ server, upstream, host }) {
  const client = startWorker('load-client');
  const targets = await prepareTargets(server, host);
  const failed =
    (await measureMemory(server, client, upstream, targets[1])) +
    (await measureLoad(server, client, targets));
  await measureTransport(host);
  const version = await measureLedger(server);
  await measureWalls(server);
  await measureQueue(server);
  await measureUsage(server);
  await measureWebUi(server);
  console.log(`\nPostgreSQL ${version}, embedded, on disk, every commit flushed.`);
  return failed;
}

async function main() {
  await buildAll({ ifStale: true });
  const [{ model } = {}] = cpus();
  const memory = Math.round(totalmem() / 1e9);
  console.log(
    `Keyrun bench on ${availableParallelism()} cores (${model?.trim() ?? 'unknown'}), ${memory} GB, ` +
      `${process.platform} ${process.arch}, Node ${process.versions.node}.`,
  );
  console.log('All numbers are of this machine at this moment; compare only within one run.');
  await measureColdStart();
  await measureCrypto();
  await measureJournal();
  await measureScrubber();
  await withServer(({ server, upstream, host }) => measureStreams(server, upstream, host));
  await withServer(measureServer);
}

let stopping = null;
/** Ends what was started and removes what was written; a signal may arrive twice. */
function stopWith(message) {
  stopping ??= cleanUp().finally(() => {
    console.error(`bench: ${message}`);
    process.exit(1);
  });
}

async function cleanUp() {
  await stopForGood();
  await removeDataDirectories();
}

const startedAt = performance.now();
setTimeout(() => stopWith('took longer than 10 minutes and was stopped'), LIMIT_MS).unref();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => stopWith(`ended by ${signal}`));
try {
  await main();
  console.log(`\nTook ${Math.round((performance.now() - startedAt) / 1_000)} s.`);
} catch (error) {
  stopWith(error instanceof Error ? error.message : String(error));
}
