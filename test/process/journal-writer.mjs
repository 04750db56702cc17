// Appends receipts for as long as it lives, and says of each that it is kept once append() returned.
import { once } from 'node:events';
import { makeJournal } from '../../bench/support/journal-bench.mjs';

const { directory, serverId, rootKey, row, syncs } = JSON.parse(process.argv[2]);

// A write beyond the limit of file sizes ends the process, unless somebody listens.
process.on('SIGXFSZ', () => undefined);

async function say(line) {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

const journal = makeJournal(directory, { rootKey, rows: [row] });
await journal.open(serverId);
let refused = null;
// After a long receipt that finds no room comes a short one that does, and is the last.
for (let number = 0, isLast = false; !isLast; number += 1) {
  isLast = refused !== null;
  const length = isLast ? 0 : (number * 7919) % 6_000;
  try {
    journal.append(JSON.stringify({ serverId, number, text: 'x'.repeat(length) }));
  } catch ({ fault, systemCode }) {
    refused = { fault, systemCode };
    continue;
  }
  await say(number);
  if (syncs && number % 5 === 0) await journal.sync();
}
await say(JSON.stringify(refused));
