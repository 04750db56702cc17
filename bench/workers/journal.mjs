// append() and sync() of the receipt journal, on the disk that holds data directories.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { makeJournal } from '../support/journal-bench.mjs';
import { quantile } from '../support/statistics.mjs';

const CALLS = 4_000;
const SYNCED_CALLS = 200;
const GROUP = 32;
const RECEIPT = JSON.stringify({ executionId: randomUUID(), output: 'a1B2 '.repeat(402) });

async function timeOf(calls, call) {
  const microseconds = new Float64Array(calls);
  for (let index = 0; index < calls; index += 1) {
    const startedAt = process.hrtime.bigint();
    await call();
    microseconds[index] = Number(process.hrtime.bigint() - startedAt) / 1_000;
  }
  return { p50: quantile(microseconds, 0.5), p99: quantile(microseconds, 0.99) };
}

process.once('message', async ({ rounds, dataDirectory }) => {
  const journal = makeJournal(join(dataDirectory, 'journal'));
  await journal.open(randomUUID());
  const keep = () => journal.acknowledge(journal.append(RECEIPT));
  const keepOnDisk = async () => {
    const entry = journal.append(RECEIPT);
    await journal.sync();
    journal.acknowledge(entry);
  };
  const calls = {
    append: () => timeOf(CALLS, keep),
    'append and fdatasync': () => timeOf(SYNCED_CALLS, keepOnDisk),
    [`append and fdatasync, ${GROUP} at once`]: () =>
      timeOf(SYNCED_CALLS / 4, () => Promise.all(Array.from({ length: GROUP }, keepOnDisk))),
  };
  await calls.append();
  const results = Object.fromEntries(Object.keys(calls).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, call] of Object.entries(calls)) results[name].push(await call());
  }
  process.send({ results, bytes: Buffer.byteLength(RECEIPT) });
});
process.once('disconnect', () => process.exit());
