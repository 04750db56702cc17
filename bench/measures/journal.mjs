import { makeDataDirectory, removeDataDirectory } from '../support/keyrun-server.mjs';
import { askOnce } from '../support/owned-process.mjs';
import { medians } from '../support/statistics.mjs';
import { figure, printTable } from '../support/table.mjs';

const ROUNDS = 5;
const TARGETS = { append: '≤ 50 µs' };

/** The receipt journal: what keeping the answer of a paid call costs. */
export async function measureJournal() {
  const dataDirectory = await makeDataDirectory();
  try {
    const { results, bytes } = await askOnce('journal', { rounds: ROUNDS, dataDirectory });
    printTable(
      `Receipt journal: a receipt of ${bytes} bytes (medians of ${ROUNDS} interleaved rounds)`,
      ['', 'p50', 'p99', 'target p50'],
      Object.entries(results).map(([name, rounds]) => {
        const { p50, p99 } = medians(rounds);
        return [name, figure(p50, ' µs'), figure(p99, ' µs'), TARGETS[name] ?? ''];
      }),
    );
  } finally {
    await removeDataDirectory(dataDirectory);
  }
}
