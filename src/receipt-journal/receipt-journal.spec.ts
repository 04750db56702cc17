import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { collect, JournalBench, nobody } from './testing/journal-bench';
import type { ReceiptJournal } from './receipt-journal';

const RECEIPT = JSON.stringify({
  executionId: v7(),
  output: 'The answer of a paid call. '.repeat(70),
});

describe('ReceiptJournal', () => {
  let bench: JournalBench;

  beforeEach(() => {
    Logger.overrideLogger(false);
    bench = new JournalBench();
  });

  afterEach(() => {
    bench.remove();
  });

  const append = (journal: ReceiptJournal, ...receipts: string[]) =>
    receipts.map((receipt) => journal.append(receipt));

  it('gives back what is not acknowledged, in its order', async () => {
    const journal = await bench.start();
    const texts = ['{"a":1}', RECEIPT, '', '"ü\0🔑"'];
    const entries = append(journal, ...texts);
    expect(new Set(entries).size).toBe(4);
    expect(await collect(journal.unsettled())).toEqual(texts);
    journal.acknowledge(entries[1]!);
    journal.acknowledge(entries[1]!);
    journal.acknowledge(4711);
    expect(await collect(journal.unsettled(), true)).toEqual(['{"a":1}', '', '"ü\0🔑"']);
    expect(await collect(journal.unsettled())).toEqual([]);
    expect(journal.status()).toMatchObject({ writable: true, unsettled: 0, quarantined: 0 });
  });

  it('gives back the attachment of a receipt with it, here and on the server that adopts it', async () => {
    const journal = await bench.start();
    const attachments = [Buffer.from([0, 255]), null, randomBytes(3_000_000), Buffer.alloc(0)];
    for (const [index, attachment] of attachments.entries()) {
      journal.append(`"ü${index}"`, attachment);
    }
    const other = await bench.start();
    for (const receipts of [journal.unsettled(), other.adopt(nobody)]) {
      const kept: (Buffer | null)[] = [];
      for await (const { receipt, attachment } of receipts) {
        expect(receipt).toBe(`"ü${kept.length}"`);
        kept.push(attachment);
      }
      expect(kept).toEqual(attachments);
    }
    expect(() => journal.append('', Buffer.alloc(128 * 1024 * 1024 + 1))).toThrow('too long');
  });

  it('keeps files for this user alone, and nothing readable in them', async () => {
    mkdirSync(bench.directory, { mode: 0o755 });
    chmodSync(bench.directory, 0o755);
    const journal = await bench.start();
    append(journal, RECEIPT, RECEIPT);
    const [name] = bench.files();
    expect(name).toBe(`${journal.serverId}.000001.${journal.serverId}.journal`);
    const path = join(bench.directory, name!);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(bench.directory).mode & 0o777).toBe(0o700);
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(journal.status().bytes);
    for (const word of ['answer', 'output', 'executionId'])
      expect(bytes.includes(word)).toBe(false);
    const half = bytes.length / 2;
    expect(bytes.subarray(100, half)).not.toEqual(bytes.subarray(half + 100));
  });

  it('refuses what it could not give back', async () => {
    const journal = await bench.start();
    expect(() => journal.append('"\uD83D"')).toThrow(RangeError);
    expect(() => journal.append('x'.repeat(128 * 1024 * 1024 + 1))).toThrow('too long');
    expect(journal.status()).toMatchObject({ bytes: 0, unsettled: 0 });
  });

  it('keeps nothing before it is opened and after it is closed', async () => {
    const journal = bench.unopened();
    const unavailable = expect.objectContaining({ fault: 'not_open' });
    expect(() => journal.append(RECEIPT)).toThrow(unavailable);
    expect(journal.status()).toEqual({ writable: false, bytes: 0, unsettled: 0, quarantined: 0 });
    await expect(collect(journal.adopt(nobody))).rejects.toEqual(unavailable);
    await journal.onApplicationShutdown();
    await journal.open(v7());
    append(journal, RECEIPT);
    await journal.onApplicationShutdown();
    expect(() => journal.append(RECEIPT)).toThrow(unavailable);
    journal.acknowledge(1);
    expect(bench.files()).toHaveLength(1);
  });

  it('deletes full files whose entries are acknowledged, and empties the last one', async () => {
    const journal = await bench.start({ fileBytes: 400_000 });
    const long = 'x'.repeat(300_000);
    const entries = append(journal, ...Array.from({ length: 8 }, (_, index) => `${index}${long}`));
    expect(bench.files()).toHaveLength(4);
    for (const entry of [entries[2], entries[3], entries[0]]) journal.acknowledge(entry!);
    expect(bench.files()).toHaveLength(3);
    for (const entry of entries.slice(4)) journal.acknowledge(entry);
    expect(bench.files()).toHaveLength(2);
    expect(await collect(journal.unsettled())).toEqual([`1${long}`]);
    const big = journal.append('y'.repeat(1_200_000));
    expect(journal.status().bytes).toBeGreaterThan(1_500_000);
    journal.acknowledge(big);
    append(journal, RECEIPT);
    journal.acknowledge(entries[1]!);
    expect(journal.status().bytes).toBeLessThan(10_000);
    expect(await collect(journal.unsettled())).toEqual([RECEIPT]);
    const next = await bench.start();
    expect(await collect(next.adopt(nobody))).toEqual([RECEIPT]);
  });

  it('deletes its file at the end if everything is acknowledged', async () => {
    const journal = await bench.start();
    journal.acknowledge(journal.append(RECEIPT));
    await journal.onApplicationShutdown();
    expect(bench.files()).toEqual([]);
  });

  it('takes no more than it may, and goes on when something is settled', async () => {
    const journal = await bench.start({ maximumBytes: 100_000, fileBytes: 20_000 });
    const entries: number[] = [];
    const fill = () => {
      for (;;) entries.push(journal.append(RECEIPT));
    };
    expect(fill).toThrow(expect.objectContaining({ fault: 'full' }));
    expect(entries.length).toBeGreaterThan(40);
    expect(journal.status()).toMatchObject({ writable: false, unsettled: entries.length });
    expect(journal.status().bytes).toBeLessThanOrEqual(100_000);
    for (const entry of entries.slice(0, 30)) journal.acknowledge(entry);
    expect(journal.status().writable).toBe(true);
    append(journal, RECEIPT);
    expect(await collect(journal.unsettled())).toHaveLength(entries.length - 29);
  });

  it.each([1_000_000, 1_048_575, 1_048_577, 2_097_153])(
    'is never full of what is settled, with room for %d bytes',
    async (maximumBytes) => {
      const journal = await bench.start({ maximumBytes });
      const receipt = 'x'.repeat(100_000);
      for (let count = 0; count < 50; count += 1) journal.acknowledge(journal.append(receipt));
      expect(journal.status()).toMatchObject({ writable: true, unsettled: 0 });
    },
  );

  describe('when the folder goes wrong', () => {
    const away = () => {
      renameSync(bench.directory, `${bench.directory}-away`);
    };
    const breakages: [string, () => void, string][] = [
      ['is gone', away, 'ENOENT'],
      [
        'is replaced by a file',
        () => {
          away();
          writeFileSync(bench.directory, '');
        },
        'ENOTDIR',
      ],
    ];

    it.each(breakages)(
      'refuses receipts while it %s, and goes on afterwards',
      async (_, spoil, code) => {
        const journal = await bench.start();
        append(journal, '"before"');
        spoil();
        for (let count = 0; count < 2; count += 1) {
          expect(() => journal.append('"lost"')).toThrow(
            expect.objectContaining({ fault: 'not_writable', systemCode: code }),
          );
        }
        expect(journal.status()).toMatchObject({ writable: false, unsettled: 1 });
        rmSync(bench.directory, { recursive: true, force: true });
        renameSync(`${bench.directory}-away`, bench.directory);
        expect(journal.status().writable).toBe(true);
        append(journal, '"after"');
        expect(await collect(journal.unsettled())).toEqual(['"before"', '"after"']);
      },
    );

    it('says so at the start, and begins once it can', async () => {
      writeFileSync(bench.directory, '');
      const journal = bench.unopened();
      await expect(journal.open(v7())).rejects.toMatchObject({ fault: 'not_writable' });
      expect(journal.status().writable).toBe(false);
      expect(() => journal.append(RECEIPT)).toThrow('cannot be written (ENOTDIR)');
      rmSync(bench.directory);
      mkdirSync(bench.directory);
      append(journal, RECEIPT);
      expect(journal.status()).toMatchObject({ writable: true, unsettled: 1 });
    });
  });

  it('says of a receipt that was damaged under it that it is gone, and goes on', async () => {
    const journal = await bench.start();
    append(journal, '"first"', RECEIPT, '"last"');
    bench.edit((bytes) => {
      bytes[500]! ^= 1;
      return bytes;
    });
    expect(await collect(journal.unsettled())).toEqual(['"first"', '"last"']);
    expect(journal.status()).toMatchObject({ unsettled: 2, quarantined: 1 });
  });

  it('refuses the id of a server that was there before', async () => {
    const { serverId } = await bench.start();
    await expect(bench.start({}, serverId)).rejects.toMatchObject({ systemCode: 'EEXIST' });
  });
});
