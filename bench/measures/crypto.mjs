import { askOnce } from '../support/owned-process.mjs';
import { medians } from '../support/statistics.mjs';
import { figure, printTable, ratio } from '../support/table.mjs';

const ROUNDS = 7;

/** CryptoService, warm, beside node:crypto. */
export async function measureCrypto() {
  const results = await askOnce('crypto', { rounds: ROUNDS });
  const of = (name) => medians(results[name]);
  const row = (name, target, baseline) => [
    name,
    figure(of(name).p50, ' µs'),
    figure(of(name).p99, ' µs'),
    target,
    baseline === null ? '' : ratio(of(name).p50, of(baseline).p50),
  ];
  printTable(
    `Crypto: one call, data key warm, a key of 168 characters (medians of ${ROUNDS} interleaved rounds)`,
    ['', 'p50', 'p99', 'target p50', 'to bare'],
    [
      row('decrypt', '≤ 15 µs', 'bare createDecipheriv'),
      row('bare createDecipheriv', '', null),
      row('encrypt', '', null),
      row('token digest', '', 'bare createHmac'),
      row('bare createHmac', '', null),
    ],
  );
}
