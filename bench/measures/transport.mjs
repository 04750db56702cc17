import { askOnce } from '../support/owned-process.mjs';
import { median } from '../support/statistics.mjs';
import { figure, printTable, ratio } from '../support/table.mjs';
import { DIRECT_BODY } from './load.mjs';

const ROUNDS = 5;

/** CPU of one provider call in the calling process, without an SDK. */
export async function measureTransport(host) {
  const results = await askOnce('transport', { host, body: DIRECT_BODY, rounds: ROUNDS });
  const [own, global] = [median(results.transport), median(results.fetch)];
  printTable(
    `Transport: CPU of one call and its answer as JSON (medians of ${ROUNDS} interleaved rounds)`,
    ['', 'CPU', 'to global fetch'],
    [
      ['ProviderTransport', figure(own, ' µs'), ratio(own, global)],
      ['global fetch', figure(global, ' µs'), ''],
    ],
  );
}
