import { askOnce } from '../support/owned-process.mjs';
import { figure, printTable } from '../support/table.mjs';

/** The last layer of redaction, as the sink of the log calls it. */
export async function measureScrubber() {
  const { known, rows } = await askOnce('scrubber', {});
  printTable(
    `Scrubber: one call, with ${known} known keys of 80 characters`,
    ['', 'p50', 'p99'],
    rows.map(({ name, p50, p99 }) => [name, figure(p50, ' µs'), figure(p99, ' µs')]),
  );
}
