import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { HEADER_BYTES } from './journal-record';
import { collect, JournalBench, nobody } from './testing/journal-bench';

const RECEIPTS = ['{"n":0}', '{"n":1,"text":"longer than the others"}', '{"n":2}', '{"n":3}'];
const OVERHEAD = HEADER_BYTES + 28;

/** Where each record begins, and the end of the file. */
const STARTS = RECEIPTS.reduce(
  (starts, receipt) => [...starts, starts.at(-1)! + OVERHEAD + receipt.length],
  [0],
);
const END = STARTS.at(-1)!;

describe('a damaged journal', () => {
  let bench: JournalBench;
  let logged: string[];

  beforeEach(async () => {
    logged = [];
    Logger.overrideLogger({
      log: () => undefined,
      warn: () => undefined,
      error: (message: string) => logged.push(message),
    });
    bench = new JournalBench();
    const journal = await bench.start();
    for (const receipt of RECEIPTS) journal.append(receipt);
    expect(journal.status().bytes).toBe(END);
  });

  afterEach(() => {
    bench.remove();
  });

  const adopt = async (isAcknowledged = false) => {
    const journal = await bench.start();
    const given = await collect(journal.adopt(nobody), isAcknowledged);
    return { journal, given };
  };

  it.each([1, OVERHEAD - 29, OVERHEAD - 1, OVERHEAD + 6])(
    'ignores a last record of which only %i bytes are there, and cuts it off',
    async (length) => {
      bench.edit((bytes) => bytes.subarray(0, STARTS[3]! + length));
      const { given, journal } = await adopt();
      expect(given).toEqual(RECEIPTS.slice(0, 3));
      const adopted = bench.files().find((name) => !name.startsWith(journal.serverId))!;
      expect(statSync(join(bench.directory, adopted)).size).toBe(STARTS[3]);
      expect(journal.status().quarantined).toBe(0);
      expect(logged).toEqual([]);
    },
  );

  it.each([5, 41, 5_000])('ignores %i zeros at the end, left by a power failure', async (count) => {
    bench.edit((bytes) => Buffer.concat([bytes, Buffer.alloc(count)]));
    const { given, journal } = await adopt(true);
    expect([given, journal.status().quarantined]).toEqual([RECEIPTS, 0]);
  });

  it('puts a record aside in which any one bit was flipped, and goes on at the next', async () => {
    const original = readFileSync(join(bench.directory, bench.files()[0]!));
    for (const record of [0, 1, 3]) {
      for (let at = STARTS[record]!; at < STARTS[record + 1]!; at += 1) {
        const edited = Buffer.from(original);
        edited[at]! ^= 1 << (at % 8);
        const single = new JournalBench(bench.rootKey, bench.store);
        try {
          mkdirSync(single.directory);
          writeFileSync(join(single.directory, bench.files()[0]!), edited);
          const journal = await single.start();
          const given = await collect(journal.adopt(nobody), true);
          expect([at, given]).toEqual([at, RECEIPTS.filter((_, index) => index !== record)]);
          const [aside] = single.quarantined();
          const kept = readFileSync(join(single.directory, 'quarantine', aside!));
          expect(kept).toEqual(edited.subarray(STARTS[record], STARTS[record + 1]));
          expect(journal.status().quarantined).toBe(1);
        } finally {
          single.remove();
        }
      }
    }
  });

  it.each([
    ['rubbish between records', STARTS[2]!, Buffer.from('rubbish'), RECEIPTS],
    ['rubbish at the start', 0, Buffer.alloc(100, 7), RECEIPTS],
    ['rubbish at the end', END, Buffer.from('rubbish'), RECEIPTS],
    ['half a record in the middle', STARTS[2]!, 'half', RECEIPTS],
  ])('puts aside %s, and reads the rest', async (_, at, what, expected) => {
    bench.edit((bytes) => {
      const piece = typeof what === 'string' ? bytes.subarray(0, 60) : what;
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    });
    const { given, journal } = await adopt(true);
    expect(given).toEqual(expected);
    expect(journal.status().quarantined).toBe(1);
  });

  it('reports damage once, in the log without anything of the receipt', async () => {
    bench.edit((bytes) => {
      bytes[STARTS[1]! + OVERHEAD]! ^= 1;
      return bytes;
    });
    const { journal } = await adopt();
    await collect(journal.adopt(nobody), true);
    expect(logged).toEqual([expect.stringMatching(/damaged piece .* put aside: .*quarantine\//)]);
    const [aside] = bench.quarantined();
    expect(statSync(join(bench.directory, 'quarantine', aside!)).mode & 0o777).toBe(0o600);
    expect(bench.files()).toHaveLength(1);
    expect(journal.status()).toMatchObject({ unsettled: 0, quarantined: 1 });
  });
});
