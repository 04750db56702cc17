// Appends receipts for as long as it lives, and says of each that it is kept once append() returned.
import { writeSync } from 'node:fs';
import { makeJournal } from '../../bench/support/journal-bench.mjs';

const { directory, serverId, rootKey, row, syncs } = JSON.parse(process.argv[2]);

// A write beyond the limit of file sizes ends the process, unless somebody listens.
process.on('SIGXFSZ', () => undefined);

/** A pipe that nobody empties for a moment refuses. */
function say(text) {
  for (;;) {
    try {
      writeSync(1, text);
      return;
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

const journal = makeJournal(directory, { rootKey, rows: [row] });
await journal.open(serverId);
for (let number = 0; ; number += 1) {
  const receipt = JSON.stringify({ serverId, number, text: 'x'.repeat((number * 7919) % 6_000) });
  try {
    journal.append(receipt);
  } catch (error) {
    const { fault, systemCode } = error;
    say(`${JSON.stringify({ fault, systemCode, status: journal.status() })}\n`);
    break;
  }
  say(`${number}\n`);
  if (syncs && number % 5 === 0) await journal.sync();
}
