import { askOnce } from '../support/owned-process.mjs';
import { medians } from '../support/statistics.mjs';
import { figure, printTable, ratio } from '../support/table.mjs';

const DATA_KEYS = 10_000;
const ROUNDS = 3;
const PAIRS = 500;

/** The change of the root key, and what row-level security adds to a statement of a management request. */
export async function measureWalls(server) {
  const { rewrap, wall } = await askOnce('walls', {
    url: await server.databaseUrl(),
    dataKeys: DATA_KEYS,
    rounds: ROUNDS,
    pairs: PAIRS,
  });
  printTable(
    `Change of a local root key: ${DATA_KEYS} data keys (median of ${ROUNDS} runs)`,
    ['', 'data keys/s', 'target'],
    [['keys rewrap', figure(medians(rewrap).perSecond), '≥ 5,000']],
  );
  const bare = Object.fromEntries(wall.map((row) => [row.name, row]));
  printTable(
    `Row-level security: one statement of a management request (${PAIRS} pairs, in turns)`,
    ['', 'round trips', 'p50', 'p99', 'to bare'],
    wall.map(({ name, roundTrips, p50, p99 }) => [
      name,
      roundTrips,
      figure(p50, ' ms'),
      figure(p99, ' ms'),
      name.endsWith('bare') ? '' : ratio(p50, bare[name.replace('behind the wall', 'bare')].p50),
    ]),
  );
}
